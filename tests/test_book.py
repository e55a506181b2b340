"""How the book finds out where it is published, and what it says where something is missing. Its pages are tested in
tests/browser/test_site.py, by `make test-browser`."""

import shutil
import subprocess

import pytest

from tests.notebook import ROOT
from tools import book, heads, npm
from tools.book import Book, Page, published


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A course of two lines of pyproject, within git, that nobody has published."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    address(tmp_path, "https://github.com/OWNER/course")
    return tmp_path


def address(folder, url):
    (folder / "pyproject.toml").write_text(f'[project]\nname = "a"\n[project.urls]\nRepository = "{url}"\n')


def remote(folder, url):
    subprocess.run(["git", "-C", str(folder), "remote", "add", "origin", url], check=True)


def test_nobody_has_published_it(copy):
    assert published(copy) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/some-one/the.course",
        "https://github.com/some-one/the.course.git",
        "git@github.com:some-one/the.course.git",
        "ssh://git@github.com/some-one/the.course/",
    ],
)
def test_the_address_comes_from_git(copy, url):
    remote(copy, url)
    assert published(copy) == "https://github.com/some-one/the.course"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/some-one/course",
        "../elsewhere",
        "file:///srv/github.com/a/b",
        "https://github.com/a.b/course",  # no owner has a dot in the name, and no repository is called ..
        "https://github.com/some-one/..",
        "https://github.com/some-one/course/tree",
        "https://github.com/some-one",
    ],
)
def test_another_host_is_no_address(copy, url):
    remote(copy, url)
    assert published(copy) is None
    address(copy, "https://github.com/written/here")
    assert published(copy) == "https://github.com/written/here"


def test_a_workflow_knows_best(copy, monkeypatch):
    remote(copy, "https://github.com/upstream/course")
    monkeypatch.setenv("GITHUB_REPOSITORY", "fork/course")
    assert published(copy) == "https://github.com/fork/course"


def test_where_a_link_leads():
    for home, elsewhere in ((None, None), ("https://github.com/a/b", "https://github.com/a/b/blob/HEAD/README.md")):
        made = Book(home=home)
        page = made.lessons[1]
        assert made.leads_to(page, "00_start_here.ipynb") == "00_start_here.html"
        assert made.leads_to(page, "../docs/questions.md#a-b") == "questions.html#a-b"
        assert made.leads_to(page, "#here") == "#here"
        assert made.leads_to(page, "https://arxiv.org/abs/1406.1078") == "https://arxiv.org/abs/1406.1078"
        assert made.leads_to(page, "../README.md") == elsewhere
        assert made.leads_to(page, "../../elsewhere.md") is None


def test_where_nothing_leads_the_words_name_the_file():
    made = Book(home=None)
    page = next(page for page in made.pages if page.name == "teaching.html")
    said = made._words(
        page, "the [guide](../coursework/README.md), [tools/pace.py](../tools/pace.py), [it](../../x.md)"
    )
    assert "<a" not in said
    assert "the guide (<code>coursework/README.md</code>), tools/pace.py, it" in said
    said = Book(home="https://github.com/a/b")._words(page, "the [guide](../coursework/README.md)")
    assert '<a href="https://github.com/a/b/blob/HEAD/coursework/README.md">guide</a>' in said


def test_an_unpublished_copy_says_so_kindly():
    for home in (None, "https://github.com/a/b"):
        made = Book(home=home)
        text = made._around(made.lessons[1])
        assert ("isn’t published yet" in text) == (home is None)
        assert ("colab.research" in text) == ("mybinder.org" in text) == (home is not None)
        assert f'href="{made.lessons[1].source.name}" download' in text


def test_a_fork_without_an_edition_says_how_to_publish_one():
    made = Book(home="https://github.com/a/b", edition=False)
    text = made._around(made.lessons[1])
    assert "colab.research" not in text and "mybinder.org" not in text
    assert "The student edition of this version isn’t published yet" in text
    assert 'href="https://github.com/a/b/blob/HEAD/docs/publishing.md"' in text
    assert (ROOT / "docs" / "publishing.md").is_file()
    page = next(page for page in made.pages if page.source and not page.number)
    assert "isn’t published yet" not in made._around(page).split("<article>")[0]


@pytest.mark.parametrize("there", [True, False])
def test_the_book_asks_whether_its_version_is_published(there, monkeypatch, tmp_path, capsys):
    asked, made = [], {}
    monkeypatch.setenv("GITHUB_REPOSITORY", "a/b")
    monkeypatch.setattr(heads, "has_edition", lambda home: bool(asked.append(home)) or there)
    monkeypatch.setattr(Book, "write", lambda self, out: made.update(edition=self._edition))
    monkeypatch.setattr("sys.argv", ["book", "--out", str(tmp_path / "site")])
    book.main()
    assert asked == ["https://github.com/a/b"] and made == {"edition": there}
    said = f"shows no student edition of version {heads.project()['version']}"
    assert (said in capsys.readouterr().out) == (not there)


def test_what_is_missing_is_said_plainly(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"^node isn't installed"):
        Book().write(tmp_path / "site")
    with pytest.raises(RuntimeError, match=r"^npm isn't installed\. .* fetches nothing@0\.0\.0 once"):
        npm.package("nothing@0.0.0")
    (tmp_path / "npm").write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(
        RuntimeError, match=r"couldn't fetch nothing@0\.0\.0\. Is there a network\? npm says: no network"
    ):
        npm.package("nothing@0.0.0")
    assert not (tmp_path / "site").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(RuntimeError, match="holds other things than a book"):
        Book().write(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "all of it"


def test_markdown_as_the_lessons_write_it():
    made = Book()
    page = Page(ROOT / "notebooks" / "x.ipynb", "x.html", "x")
    text = "## One $w$, two\n\n<details><summary>Why $v$?</summary>\n\nSince $a < b$.\n\n$$x_1\n= 2$$\n\n</details>\n"
    shown = made._words(page, text)
    assert [tex for _, tex in made._formulas] == ["w", "v", "a < b", "x_1\n= 2"]
    assert [displayed for displayed, _ in made._formulas] == [False, False, False, True]
    assert "<details><summary>Why \ue0001\ue001?</summary>" in shown and "$" not in shown
    assert page.contents == [("One-,-two", "One , two")]


def test_a_covered_picture_is_a_picture():
    made = Book()
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    html = f'<figure style="a"><img alt="A &lt; B" style="b" src="data:image/png;base64,{png}"></figure>'
    covered = book.COVER.format(html)
    for text in (html, covered):
        output = book.nbformat.v4.new_output("display_data", {"text/html": text, "text/plain": "Figure: A < B"})
        shown = made._output(output, "guess-0")
        assert shown.startswith('<figure><img src="static/') and 'alt="A &lt; B" width="1" height="1"' in shown
    assert len(made._pictures) == 1


def test_a_page_has_its_own_roads():
    made = Book()
    notebook = book.nbformat.v4.new_notebook(
        cells=[
            book.nbformat.v4.new_markdown_cell(
                "# 01 · What?\n\n*5 minutes.*\n\nRun it: [Colab](https://example.org/x)"
            ),
            book.nbformat.v4.new_code_cell("boot()"),
            book.nbformat.v4.new_code_cell("print(1)"),
        ]
    )
    shown = made._lesson(made.lessons[1], notebook)
    assert "5 minutes" in shown and "Run it" not in shown and "boot" not in shown and "print" in shown


@pytest.mark.parametrize("edition", [True, False])
def test_a_forks_book_links_to_the_fork_and_to_nothing_that_isnt_there(edition, tmp_path):
    """Its workflow may make the book from notebooks that still hold the address of the course it was copied from."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    hub = ("hub/z2jh.yaml", "hub/Dockerfile", "docs/hub.md")
    for name in ("pyproject.toml", "README.md", "CITATION.cff", "course_utils/__init__.py", *hub):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    heads.move("Ada-L/my.course", tmp_path)
    made = Book(tmp_path, home="https://github.com/Bob/fork", edition=edition)
    start = made.lessons[0]
    assert "Ada-L" in (tmp_path / start.source).read_text(encoding="utf-8")
    for page in made.lessons:
        shown = made._lesson(page, made._notebook(page))
        held = made._download(page).decode()
        assert "Ada-L" not in shown + held and '"https://github.com/Bob/fork' in held.replace("\\", "")
        for host in ("colab.research.google.com", "mybinder.org"):
            assert (host in held) == edition and (host in shown) == (edition and page is start)
        assert not edition or f"colab.research.google.com/github/Bob/fork/blob/student/{page.source.as_posix()}" in held

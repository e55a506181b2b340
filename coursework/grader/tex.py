r"""The TeX that an essay may hold: commands that set type. What any other command does nobody has to know.

MathJax has commands that make links, take styles, load extensions or define further commands, and gets new ones. So
these are the ones that an instructor's browser is given, and all others stand there as text. They look as they were
written, since in code they are no commands: `\n`, `C:\Users`.
"""

import itertools
import re
from functools import cache

GAP = "\u200b"  # a space of no width: it parts two signs, and nobody sees it
COMMANDS = frozenset(
    """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi
    psi omega varepsilon vartheta varpi varrho varsigma varphi varkappa digamma
    Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
    varGamma varDelta varTheta varLambda varXi varPi varSigma varUpsilon varPhi varPsi varOmega
    aleph beth gimel daleth ell hbar hslash imath jmath wp Re Im eth nabla partial infty prime backprime emptyset
    varnothing complement degree angle measuredangle sphericalangle triangle triangledown square Box Diamond lozenge
    bigstar clubsuit diamondsuit heartsuit spadesuit flat natural sharp surd top bot checkmark dagger ddagger S P
    blacksquare blacktriangle blacktriangledown blacklozenge copyright pounds yen colon Bbbk Finv Game mho And

    pm mp times div cdot ast star circ bullet oplus ominus otimes oslash odot bigcirc cap cup uplus sqcap sqcup vee
    wedge lor land lnot neg setminus smallsetminus wr amalg diamond bigtriangleup bigtriangledown triangleleft
    triangleright boxplus boxminus boxtimes boxdot circledast circledcirc circleddash dotplus divideontimes ltimes
    rtimes leftthreetimes rightthreetimes barwedge veebar doublebarwedge centerdot intercal curlyvee curlywedge Cap Cup

    sum prod coprod int iint iiint iiiint oint idotsint intop smallint bigcap bigcup bigsqcup biguplus bigvee bigwedge
    bigodot bigoplus bigotimes lim limsup liminf varlimsup varliminf injlim projlim varinjlim varprojlim limits nolimits
    arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg ln log max min Pr sec sin sinh sup
    tan tanh mod bmod pmod pod operatorname

    lt gt le leq ge geq ne neq ll gg lll ggg leqq geqq leqslant geqslant lesssim gtrsim lessapprox gtrapprox lessgtr
    gtrless lesseqgtr gtreqless nless ngtr nleq ngeq nleqslant ngeqslant lneq gneq lneqq gneqq lnsim gnsim equiv approx
    approxeq sim simeq cong ncong nsim backsim thicksim thickapprox asymp doteq doteqdot risingdotseq fallingdotseq
    triangleq bumpeq Bumpeq circeq eqcirc propto varpropto in ni notin owns subset supset subseteq supseteq nsubseteq
    nsupseteq subsetneq supsetneq subseteqq supseteqq Subset Supset sqsubset sqsupset sqsubseteq sqsupseteq prec succ
    preceq succeq precsim succsim precapprox succapprox nprec nsucc preccurlyeq succcurlyeq mid nmid parallel nparallel
    shortmid shortparallel perp vdash dashv vDash Vdash Vvdash nvdash nvDash models smile frown bowtie Join between
    pitchfork therefore because forall exists nexists not land implies impliedby iff vartriangle trianglelefteq
    trianglerighteq vartriangleleft vartriangleright

    to gets leftarrow rightarrow leftrightarrow Leftarrow Rightarrow Leftrightarrow longleftarrow longrightarrow
    longleftrightarrow Longleftarrow Longrightarrow Longleftrightarrow mapsto longmapsto uparrow downarrow updownarrow
    Uparrow Downarrow Updownarrow nearrow searrow swarrow nwarrow hookleftarrow hookrightarrow leftharpoonup
    leftharpoondown rightharpoonup rightharpoondown rightleftharpoons leftrightharpoons leadsto rightsquigarrow
    leftrightsquigarrow nleftarrow nrightarrow nLeftarrow nRightarrow nleftrightarrow nLeftrightarrow
    leftleftarrows rightrightarrows upuparrows downdownarrows leftrightarrows rightleftarrows twoheadleftarrow
    twoheadrightarrow leftarrowtail rightarrowtail curvearrowleft curvearrowright circlearrowleft circlearrowright
    looparrowleft looparrowright dashleftarrow dashrightarrow multimap upharpoonleft upharpoonright downharpoonleft
    downharpoonright Lsh Rsh Lleftarrow Rrightarrow xleftarrow xrightarrow

    left right middle big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm biggm Biggm
    langle rangle lvert rvert lVert rVert vert Vert lfloor rfloor lceil rceil lbrace rbrace lbrack rbrack lgroup rgroup
    lmoustache rmoustache ulcorner urcorner llcorner lrcorner backslash

    frac dfrac tfrac cfrac binom dbinom tbinom genfrac over atop choose brace brack sqrt root of
    stackrel overset underset sideset substack buildrel overline underline overbrace underbrace overparen underparen
    overleftarrow overrightarrow overleftrightarrow underleftarrow underrightarrow underleftrightarrow
    hat widehat tilde widetilde bar vec dot ddot dddot ddddot acute grave breve check mathring boxed fbox
    phantom hphantom vphantom smash mathstrut strut

    text textrm textbf textit textsf texttt textnormal mbox hbox rm bf it sf tt cal mit
    mathrm mathbf mathit mathsf mathtt mathnormal mathbb mathcal mathfrak mathscr boldsymbol bold pmb Bbb frak scr
    mathop mathbin mathrel mathord mathopen mathclose mathpunct mathinner
    displaystyle textstyle scriptstyle scriptscriptstyle

    quad qquad enspace enskip thinspace medspace thickspace negthinspace negmedspace negthickspace space nobreakspace
    dots ldots cdots vdots ddots dotsb dotsc dotsi dotsm dotso cdotp ldotp
    matrix pmatrix cases eqalign cr hline hdashline newline tag notag nonumber
    """.split()
)
ENVIRONMENTS = frozenset(
    """
    matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array subarray cases
    aligned align align* alignedat alignat alignat* gathered gather gather* split multline multline* equation equation*
    eqnarray eqnarray*
    """.split()
)
OPEN = re.compile(r"\\\\[\[(]|\\begin(\{[a-z]*\*?\})")  # what begins a formula; dollars begin and end one alike
MOST_OPEN = 100  # a program that shows Markdown reads on to the end from each that isn't closed
COMMAND = re.compile(r"\\([A-Za-z]+)(\{[A-Za-z]+\*?\})?")


def type_alone(text: str) -> str:
    r"""Markdown or TeX in which every command that does more than set type, or isn't known, has become text.

    Example:
    >>> type_alone(r"$\frac{1}{2}$ and $\href{x}{y}$")
    '$\\frac{1}{2}$ and $\\\u200bhref{x}{y}$'
    """
    return COMMAND.sub(_known_or_text, text)


def _known_or_text(found: re.Match[str]) -> str:
    name, argument = found[1], found[2] or ""
    known = argument[1:-1] in ENVIRONMENTS if name in ("begin", "end") else name in COMMANDS
    return found[0] if known else f"\\{GAP}{name}{argument}"


def closed(text: str) -> str:
    r"""Markdown in which at most `MOST_OPEN` formulas begin that never end. The others' beginnings have become text.

    There are honest ones: `\\[4pt]` ends a line of a formula, and looks like a beginning.
    """
    last, opened = cache(text.rfind), itertools.count()

    def guarded(found: re.Match[str]) -> str:
        end = f"\\end{found[1]}" if found[1] else found[0].translate({ord("["): "]", ord("("): ")"})
        is_open = last(end) < found.start() and next(opened) >= MOST_OPEN
        return f"{found[0][0]}{GAP}{found[0][1:]}" if is_open else found[0]

    return OPEN.sub(guarded, text)

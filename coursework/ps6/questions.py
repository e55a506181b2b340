"""Assignment 6, a project: what it collects and how a person marks it, for instructors only.

The model answers are those of the stronger of two worked examples; what the weaker one says, and the marks of both,
stand in examples.md.
"""

from coursework.grader.collected import Collected
from coursework.grader.question import Essay

QUESTIONS = [
    Collected(
        name="evidence",
        points=10,
        objective="Compare nets at equal budgets, over several seeds, with a control.",
        evidence="ps6 project",
    ),
]
ESSAYS = [
    Essay(
        name="essay_question",
        points=5,
        shown=True,
        prompt=(
            "**Proposal, first half.** Which question about gradients, memory or learning do you put to your net? What "
            "do you expect, as a number or a direction, and why?"
        ),
        rubric={
            "0: a topic": "Names a topic or a net, and no question.",
            "1: a question": "Asks something that an experiment could answer.",
            "2: an expectation": "Says in addition what is expected.",
            "3: a reason": "Gives a reason for it that comes from the lessons.",
            "4: a number": "States the expectation as a number or a clear direction, so that it can fail.",
            "5: worth asking": "Says in addition what we would know after either outcome.",
        },
        model=(
            "What does a GRU's gate contribute on the latch with a lag of 40: that it learns, or the share from which "
            "it starts? I compare a net whose keep factor is fixed at .95 and never learns with a fresh GRU, whose "
            "gate starts near .5 and may learn. What is left after 40 steps is .95^40 = .13 against 10^-12 of .5^40. "
            "So I expect the fixed net to solve the task and the fresh GRU not to, within 300 updates. If the GRU "
            "solves it, learning opens the gate in time. If the fixed net fails, a share alone is not enough."
        ),
    ),
    Essay(
        name="essay_plan",
        points=5,
        shown=True,
        prompt=(
            "**Proposal, second half.** Nets, task, budget, seeds, control, what is measured. Which outcome would "
            "contradict you?"
        ),
        rubric={
            "0: none": "No plan that somebody else could carry out.",
            "1: nets and task": "Names the nets and the task.",
            "2: budget": "Adds the same budget for all: updates, batch, size, learning rate.",
            "3: seeds and measure": "Adds at least three seeds and what is measured before and after training.",
            "4: a control": "Adds a control that differs from the net in one thing alone.",
            "5: can fail": "Says in addition which outcome would contradict the expectation.",
        },
        model=(
            "Five nets of 16 units learn tasks.latch(40), 300 updates of 32 sequences, Adam with .01, norm clipped to "
            "1, seeds 0 to 4: a tanh RNN, a leaky net that keeps .5, one that keeps .95, a fresh GRU, and a GRU with "
            "bias 3. The control is the leaky net that keeps .5: it differs from the one that keeps .95 in this number "
            "alone. I measure who reaches an accuracy of .95 and when, and the gradient back to each lag before and "
            "after training. If fewer than half of the nets that keep .95 solve it, or most fresh GRUs do, I am wrong."
        ),
    ),
    Essay(
        name="essay_net",
        points=5,
        shown=True,
        prompt=(
            "Write down one step of your net and its Jacobian $\\partial^+ h_t / \\partial h_{t-1}$. Say where in it a "
            "gradient is kept and where it is lost, and how you checked it."
        ),
        rubric={
            "0: none": "No equation, or one of another net.",
            "1: the step": "Writes the step with all its letters explained.",
            "2: the Jacobian": "Writes its Jacobian, with at most one slip.",
            "3: right": "The Jacobian is right, in shape and order.",
            "4: read": "Says in addition which term keeps and which loses, with its size.",
            "5: checked": "Says in addition how it was checked: differences, complex steps, autograd, and how closely.",
        },
        model=(
            "The leaky net is h_t = k h_{t-1} + (1 - k) n_t with n_t = tanh(W_x x_t + W_h h_{t-1} + b), where k is "
            "one number that never learns. Its Jacobian is k I + (1 - k) diag(1 - n_t²) W_h. The first term keeps "
            "the share k in every direction, whatever is read. The second is scaled by 1 - k = .05, so for k = .95 "
            "it turns the gradient little. In the package this is a GRU with z held at k and r held at 1. I compared "
            "the product above with `jacobians`, which the lessons hold against complex steps: they agree to 1e-15, "
            "in float64."
        ),
    ),
    Essay(
        name="essay_norms",
        points=5,
        shown=True,
        prompt=(
            "What does the gradient do over the lag in your nets, before and after training? Use your own curves, "
            "and the theory where it says what to expect."
        ),
        rubric={
            "0: no numbers": "Says that it vanishes or explodes.",
            "1: one number": "Gives a size at one lag of one net.",
            "2: compared": "Compares the nets at the same lag, before training.",
            "3: before and after": "Says in addition what training changed.",
            "4: against theory": "Holds a number against what the Jacobian or a bound predicts.",
            "5: what it can't say": "Says in addition what a gradient's size does not show about memory.",
        },
        model=(
            "Before training, 40 steps leave about 1e-9 in the RNN, 1e-7 in the fresh GRU, 1e-5 in the leaky net "
            "with .5, and near .5 in the one with .95. The share alone would leave .13 there; the measured one is "
            "larger, since the candidate's term adds to it. For k = .5 the share alone would leave 1e-12. After "
            "training, the net with .95 has a gradient above 1, the fresh GRU still one below 1e-5. A large gradient "
            "is not a memory: it says that a small change of h_0 would be noticed, not that the symbol was stored."
        ),
    ),
    Essay(
        name="essay_learning",
        points=5,
        shown=True,
        prompt="What did the nets learn? Report all runs, failures included, with counts, updates and uncertainty.",
        rubric={
            "0: best run": "Shows the best run, or no count.",
            "1: counts": "States how many seeds of each net solved the task, as the evidence has it.",
            "2: updates": "Adds after how many updates, and the budget.",
            "3: uncertainty": "Adds intervals, or says what so few seeds leave open.",
            "4: failures": "Describes what the failed runs did, with a number: their loss, their accuracy.",
            "5: no more than that": "All its comparisons are those that the intervals allow.",
        },
        model=(
            "Within 300 updates 5 of 5 nets that keep .95 solved the latch, after 175 updates in the median, and 5 "
            "of 5 GRUs with bias 3, after 100. The fresh GRU solved it with 0 of 5 seeds, the RNN with 0 of 5, the "
            "leaky net that keeps .5 with 1 of 5. Wilson's 95 % intervals are .57 to 1 for 5 of 5, 0 to .43 for 0 of "
            "5, and .04 to .62 for 1 of 5. So .95 against the fresh GRU is a difference; .5 against the RNN is not. "
            "The failed GRUs stay at chance, .25: they have not begun to learn."
        ),
    ),
    Essay(
        name="essay_remedy",
        points=5,
        shown=True,
        prompt=(
            "Try one remedy from the lessons on the net that did worst, or show that your net needs none. Which fault "
            "does it treat, and did it?"
        ),
        rubric={
            "0: none": "No remedy tried, or one that treats another fault.",
            "1: tried": "Tries a remedy that fits the fault.",
            "2: named": "Names the fault and the term of the Jacobian that the remedy changes.",
            "3: measured": "Shows with its own runs whether it helped.",
            "4: one thing alone": "Changes this one thing alone, at the same budget.",
            "5: its price": "Says in addition what the remedy costs or where it would fail.",
        },
        model=(
            "The fresh GRU's fault is that its gate starts near .5, so diag(z) leaves next to nothing of a gradient "
            "over 40 steps. The remedy is a gate bias of 3, which starts z near .95; nothing else was changed. All 5 "
            "seeds then solved the task, against 0 of 5 before, and the gradient at lag 40 starts near .3 and not at "
            "1e-7. Its price is that an open gate writes little: at a lag of 2, where the latest input counts, I "
            "would expect it to be slower than the fresh one. I have not run that."
        ),
    ),
    Essay(
        name="essay_claim",
        points=5,
        shown=True,
        prompt="What do you claim, and which other explanation of your numbers is left? Which run would decide?",
        rubric={
            "0: too much": "Claims what the evidence doesn't carry, or claims nothing.",
            "1: a claim": "A claim that the evidence carries, without its conditions.",
            "2: its conditions": "Adds task, lag, budget, start: what it holds for.",
            "3: a rival": "Names another explanation of the same numbers.",
            "4: weighed": "Says which of its numbers speak for or against the rival.",
            "5: a run that decides": "Names a run that would tell the two apart, and what it would show.",
        },
        model=(
            "On the latch with lag 40, at this budget and these starts, a fixed keep factor of .95 was enough: the "
            "gate didn't have to learn. So what a GRU needs here is the share from which it starts. Another "
            "explanation is that the leaky net with .95 has the smaller steps (1 - k = .05), which make any training "
            "calmer. Against it speaks that the GRU with bias 3 started from the same share and was quicker, not "
            "slower. A leaky net with .5 and a learning rate of a tenth would decide: if it solves the task, the "
            "share wasn't the cause."
        ),
    ),
    Essay(
        name="essay_limits",
        points=5,
        shown=True,
        prompt="What did you not do that could change the result, and what does somebody need to repeat yours?",
        rubric={
            "0: none": "No limits, or only that more data would help.",
            "1: one limit": "Names one limit of its own experiment.",
            "2: two": "Names two, of different kinds: the task, the size, the budget, the measure.",
            "3: which way": "Says for one of them in which direction it could change the result.",
            "4: repeatable": "Gives what is needed to repeat it: the call, seeds, versions or settings.",
            "5: a next step": "Says in addition which single run would be worth doing next, and why that one.",
        },
        model=(
            "One task, one lag, one size, one learning rate. The latch asks for nothing but keeping: where something "
            "has to be overwritten, a fixed share can't choose, and I expect the GRU with bias 3 to win there. With "
            "more updates the fresh GRU may open its gate, so 0 of 5 is a statement on 300 updates. To repeat it: "
            "the cell above, seeds 0 to 4, all settings in the one call of `train`. The run to do next is "
            "tasks.previous_symbol, which has to forget as well: it could turn my answer round."
        ),
    ),
]

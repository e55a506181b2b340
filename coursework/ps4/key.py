"""Key of assignment 4, remember: for instructors only."""

from course_utils.checks.ps4 import EXERCISES
from coursework.grader.question import Essay, Question

QUESTIONS = {
    "ps4_biases": Question(
        answer="biases",
        points=10,
        exercise=EXERCISES["ps4 biases"],
        objective="Choose gate biases for wanted lags.",
    ),
    "ps4_chrono": Question(
        answer="chrono",
        points=8,
        exercise=EXERCISES["ps4 chrono"],
        objective="Initialise a layer for many time scales at once.",
    ),
    "ps4_gate_bias": Question(
        answer="gate_bias",
        points=8,
        exercise=EXERCISES["ps4 gate bias"],
        objective="Choose an initialisation for a task, between forgetting and never writing.",
    ),
    "ps4_solved_at": Question(
        answer="solved_at",
        points=8,
        exercise=EXERCISES["ps4 solved at"],
        objective="Report a training experiment over several seeds, failures included.",
    ),
    "ps4_keeps": Question(
        answer="keeps",
        points=10,
        exercise=EXERCISES["ps4 keeps"],
        objective="Read from a trained net's gates what is left of each earlier state.",
    ),
    "ps4_contributions": Question(
        answer="contributions",
        points=12,
        exercise=EXERCISES["ps4 contributions"],
        objective="Take a state apart into what each step has written into it.",
    ),
    "ps4_half_lives": Question(
        answer="half_lives",
        points=8,
        exercise=EXERCISES["ps4 half-lives"],
        objective="Tell long-term from short-term units by their gates.",
    ),
}
ESSAYS = {
    "ps4_essay_weather": Essay(
        points=4,
        prompt=(
            "A sigmoid RNN reads daily weather and predicts the weather several days ahead. Why might it fail to "
            "use what happened thirty days ago? And is that the same thing as predicting several days ahead?"
        ),
        rubric={
            "0: restates": "Says that the network has vanishing gradients or a short memory, without a reason.",
            "2: names the mechanism": (
                "The gradient from the loss to an input thirty days back is a product of thirty factors, slope "
                "times weight; a sigmoid's slope is at most 1/4, so the product shrinks exponentially unless the "
                "weights are large."
            ),
            "3: states the condition": (
                "Says in addition when it must vanish (largest singular value below 4) or that saturation makes "
                "the slope smaller still."
            ),
            "4: tells lag from horizon": (
                "Says in addition that the lag between the telling input and the target counts, not how far ahead "
                "the forecast lies: yesterday's weather says much about a day three days ahead."
            ),
        },
        model=(
            "What the loss says about the input thirty days back arrives as a product of thirty factors, each the "
            "slope of a sigmoid times the weights. The slope is at most 1/4, and near 0 where a unit is "
            "saturated. With a largest singular value below 4 the product must vanish, so the weights never learn "
            "that the old input matters. This is a matter of the lag from input to target. A forecast three days "
            "ahead can do well with the last few days alone, and the persistence of the weather is a baseline "
            "that has to be beaten first."
        ),
    ),
    "ps4_essay_mechanism": Essay(
        points=4,
        prompt=(
            "In simple terms: why can vanishing gradients prevent an RNN from learning from inputs far back, "
            "although the gradient of its weights is not zero?"
        ),
        rubric={
            "0: restates": "Says that gradients become small and learning is slow.",
            "2: names the mechanism": (
                "Each step back multiplies by a factor below 1, so the early inputs' part is tiny."
            ),
            "4: explains the sum": (
                "The weights' gradient is a sum over steps. Its recent terms stay large, the far ones are drowned "
                "by them: the network does learn, but from the recent past only."
            ),
        },
        model=(
            "The gradient of a weight is a sum with one term for each step at which the weight was used. The term "
            "of a step far back has come through many steps and each has made it smaller, while the terms of the "
            "last steps are as large as ever. So the sum is not zero: the network learns, but only from the "
            "recent past. What an early input could have taught it may be a part in a million of the sum, lost "
            "among the other terms and the noise of the batch."
        ),
    ),
    "ps4_essay_clipping": Essay(
        points=4,
        prompt=(
            "A set of slides asks how gradient clipping mitigates the *vanishing* gradient problem. What does "
            "clipping do, and does it?"
        ),
        rubric={
            "0: accepts the premise": "Explains how clipping helps against vanishing gradients.",
            "2: corrects the premise": (
                "Clipping shortens gradients that are too long; it makes nothing longer, so it helps against "
                "explosion only."
            ),
            "4: explains it": (
                "Says in addition how clipping by norm works (direction kept, length limited), and why scaling up "
                "a vanished gradient would not help: the far terms stay as small relative to the near ones."
            ),
        },
        model=(
            "It does not. Clipping by norm divides a gradient that is longer than a threshold by its length, so "
            "that the direction is kept and the step is limited; a gradient below the threshold passes untouched. "
            "That helps where gradients explode, as at a cliff in the error surface. A vanished gradient is "
            "already short. Scaling it up would not help either, since its sum would still consist of the recent "
            "terms: what is missing is their proportion."
        ),
    ),
    "ps4_essay_alternatives": Essay(
        points=4,
        prompt=(
            "Besides another activation function, name two approaches against vanishing gradients. Say what each "
            "changes in the step's Jacobian, and one limit of each."
        ),
        rubric={
            "0: names one": "At most one approach, or names without a mechanism.",
            "2: names two": (
                "Two approaches that act on the Jacobian's size, such as gates with an open bias, LSTM, "
                "orthogonal or identity initialisation, skip connections. (Clipping is not one of them.)"
            ),
            "3: says what changes": (
                "Says for both what becomes of the Jacobian: near the identity, or with singular values near 1."
            ),
            "4: states limits": (
                "Names a limit of each, for instance that an open gate writes little, that orthogonal weights "
                "still meet slopes below 1 and keep noise as well as signal."
            ),
        },
        model=(
            "Gates: in a GRU, J contains diag(z), so with z near 1 it is near the identity, and the network can "
            "learn how near. A fresh gate is about one half and forgets as fast as a plain RNN, so its bias has "
            "to be raised; and an open gate lets little new in. Orthogonal recurrent weights: all singular values "
            "of W_h are 1, so that W_h itself neither shrinks nor stretches. The slopes still shrink, and what is "
            "kept is kept without selection, noise included."
        ),
    ),
    "ps4_essay_comparison": Essay(
        points=4,
        prompt="Compare the effects of vanishing and exploding gradients on training. Can one network have both?",
        rubric={
            "0: one side": "Describes one of the two only.",
            "2: compares": (
                "Vanishing: training goes on, without the far past, and nothing looks wrong. Exploding: huge "
                "steps, a loss that jumps or becomes NaN."
            ),
            "4: both at once": (
                "Says in addition that one network can do both, in different directions of its state or at "
                "different times, and that they need different remedies."
            ),
        },
        model=(
            "Explosion is loud: one huge step throws the weights away, the loss jumps or becomes NaN, and "
            "clipping is a simple remedy. Vanishing is silent: the loss falls, since the recent past is learned, "
            "and only a comparison at long lags shows what is missing. Both can happen in one network, because a "
            "Jacobian has many directions: large weights stretch a few of them and saturate units, which crushes "
            "the others."
        ),
    ),
    "ps4_essay_gru": Essay(
        points=4,
        prompt=(
            "How can a GRU remember over longer sequences than a plain RNN? Say also what a freshly initialised "
            "GRU does."
        ),
        rubric={
            "0: praises": "Says that gates let it remember, without saying how.",
            "2: names the path": (
                "The state is copied with weight z; the direct path diag(z) carries the gradient without weights "
                "and slopes, as z to the power of the lag."
            ),
            "4: learned, not given": (
                "Says in addition that a fresh GRU has z near 1/2 and forgets almost as fast as a plain RNN; what "
                "is gained is a decay rate that training or a bias can set, unit by unit."
            ),
        },
        model=(
            "The new state is z times the old one plus 1 - z times a candidate. A memory, and its gradient, "
            "therefore has a direct path on which each step multiplies by z alone, with no weights and no slope. "
            "With z = .99, 40 % are left after 90 steps. But a fresh GRU has z near 1/2, which would leave one "
            "part in 10^27: its gradient vanishes like a plain RNN's. What the GRU offers is a decay rate that "
            "can be learned, or set by the bias, for each unit on its own."
        ),
    ),
    "ps4_essay_stories": Essay(
        points=4,
        prompt=(
            "We build a system that writes stories. Which do we take, a plain RNN or a GRU? Give a reason, a way "
            "to test the choice, and what neither of them will do well."
        ),
        rubric={
            "0: picks": "Names one without a reason that has to do with memory.",
            "2: gives a reason": (
                "The GRU, since names, number and tense have to be carried over many words, and units with z near "
                "1 can do that while others follow the last words."
            ),
            "4: tests and limits": (
                "Adds a fair test (several seeds, same budget, held-out text or agreement over long distances) "
                "and a limit, e.g. that a state of fixed size cannot hold a whole story."
            ),
        },
        model=(
            "The GRU: a story carries some facts over hundreds of words (who, how many, when) and others over two "
            "or three. Units whose z is near 1 can hold the first, units with small z the second, and training "
            "decides which. We would test it and not assume it: both models with the same number of weights and "
            "updates, five seeds each, on held-out text and on verbs far from their subjects. Neither keeps a "
            "plot of many pages in a state of fixed size."
        ),
    ),
    "ps4_essay_chat": Essay(
        points=4,
        prompt=(
            "A chat system is to remember earlier conversations. What can a GRU contribute to that, and what can "
            "it not?"
        ),
        rubric={
            "0: overclaims": "Says that the GRU remembers past conversations, without saying how or for how long.",
            "2: names what it can": (
                "Within a sequence, gates decide what of the earlier turns stays in the state, so that answers "
                "fit what was said."
            ),
            "4: names what it cannot": (
                "A state that is reset between conversations holds nothing of them; it has to be saved, or the "
                "text stored and looked up. The state has a fixed size and decays as z to the power of the lag."
            ),
        },
        model=(
            "Within one conversation the state carries what the gates keep: the topic, a name, whether a question "
            "is open. Units with z near 1 hold it over many turns, and the reset gate lets a candidate start "
            "afresh when the topic changes. Earlier conversations are in it only if the state was saved and "
            "loaded again. Even then the state is a vector of fixed size, in which every unit's content decays as "
            "a product of its gates. Facts that must not be lost belong in a store from which they are looked up."
        ),
    ),
    "ps4_essay_translation": Essay(
        points=4,
        prompt=(
            "Describe the steps to train a system that translates sentences, built from GRUs. Name two "
            "difficulties and how to meet them."
        ),
        rubric={
            "0: generic": "Steps that would fit any network.",
            "2: describes the steps": (
                "Sentence pairs and vocabularies; an encoder GRU reads the source, a decoder GRU starts from its "
                "last state and predicts word by word; cross-entropy summed over words; backpropagation through "
                "time through both."
            ),
            "4: two difficulties met": (
                "Two real difficulties with a remedy that fits, such as: long sentences squeezed into one vector "
                "(attention, reading the source backwards), explosion (clipping by norm), rare words (subwords), "
                "the decoder's own mistakes (beam search, training on its own outputs)."
            ),
        },
        model=(
            "Collect sentence pairs and cut them into words or subwords. An encoder GRU reads the source; its "
            "last state starts a decoder GRU, which receives the right previous word and gives a probability for "
            "each next one. The loss is the cross-entropy, summed over the words, and its gradient travels "
            "through the decoder and the encoder. First difficulty: one vector has to hold a long sentence. "
            "Attention lets the decoder look at all encoder states. Second: in use the decoder reads its own "
            "words, mistakes included. Beam search keeps several candidates. Exploding gradients are clipped by "
            "norm."
        ),
    ),
}

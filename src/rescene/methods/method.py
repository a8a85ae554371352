"""Methods as values: what they are asked to do, what they need, what they cost, and how they are run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol, runtime_checkable

from ..fields import AtLeast, Verb, check_ranges
from ..inputs.inputs import Inputs
from ..progress import Progress, quiet
from .needs import Needs, refuse_misfit

if TYPE_CHECKING:
    from ..backbones import Backbone
    from ..cache import Unfinished
    from ..video import Video
    from .notes import Notes


@dataclass(frozen=True, kw_only=True)
class Balance:
    """A slider between keeping the source and following the text."""

    ends: Mapping[str, tuple[float, float]]
    """For each field that it moves, the values at both ends; the defaults are in the middle."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The price of a run, worked out from shapes alone; sizes in bytes."""

    steps: int
    """Denoising steps that the edit takes."""
    evaluations: int
    """How often the network sees a frame."""
    again: int | None = None
    """The same for another edit of the clip, which finds in the cache what this one leaves there."""
    memory: Mapping[str, int] = field(default_factory=dict)
    """Memory by its use: weights, trajectory and so on; activations are right to about a third."""
    disk: Mapping[str, int] = field(default_factory=dict)
    """Disk space by its use, for temporary files and the cache."""
    remarks: tuple[str, ...] = ()
    """Lines on how the work is divided."""

    @property
    def peak(self) -> int:
        """The peak of memory, without the interpreter and its libraries (about 0.4 GB)."""
        return sum(self.memory.values())


@dataclass(frozen=True)
class Run:
    """The surroundings of one call of a method; none of them changes the result."""

    progress: Progress = quiet
    """Reports the steps."""
    notes: "Notes | None" = None
    """Collects by-products, if given."""
    unfinished: "Unfinished | None" = None
    """Keeps finished parts, so that a run that is stopped can go on."""


QUIET = Run()
NOTHING = Inputs()


@runtime_checkable
class Work(Protocol):
    """A method at work on one model."""

    def check(self, inputs: Inputs) -> None:
        """Looks for mistakes that show without computing; a model without weights will do.

        Raises:
            FileNotFoundError, ValueError: For what is wrong.
        """
        ...

    def cost(self, inputs: Inputs) -> Cost:
        """Works the cost out; a model without weights will do."""
        ...

    def __call__(self, inputs: Inputs, run: Run) -> "Video":
        """Computes the result, whose frames may be decoded only when they are read."""
        ...


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method with its settings, as a value. To add one, see docs/architecture.md."""

    name: ClassVar[str]
    """The name that the command line and the settings files use."""
    title: ClassVar[str]
    """A few words for people: the name and what it is for."""
    needs: ClassVar[Needs]
    balance: ClassVar[Balance | None] = None

    def __post_init__(self) -> None:
        check_ranges(self)

    def __call__(self, model: "Backbone", inputs: "Inputs | Video" = NOTHING, run: Run = QUIET) -> "Video":
        """Looks for mistakes, then computes the result.

        Args:
            model: The model, see `Needs`.
            inputs: The inputs at a size that the model takes (`Fit`); a video alone will do where nothing
                else is needed.
            run: Progress and by-products.

        Raises:
            FileNotFoundError, ValueError: As `check` does.
        """
        inputs = given(inputs)
        self.check(model, inputs)
        return self.on(model)(inputs, run)

    def check(self, model: "Backbone", inputs: "Inputs | Video" = NOTHING) -> None:
        """Looks for mistakes that show without computing; a model without weights will do.

        Raises:
            FileNotFoundError, ValueError: For what is wrong: a need that isn't met, prompts that are too long
                or lack a word, a file that isn't there, sizes that don't fit.
        """
        inputs = given(inputs)
        refuse_misfit(self.name, self.needs, model, inputs)
        for prompt in self.prompts:
            if model.text:
                model.text(prompt)
        self.on(model).check(inputs)

    def cost(self, model: "Backbone", inputs: "Inputs | Video" = NOTHING) -> Cost:
        """Works out the cost of a run; a model without weights will do.

        Raises:
            FileNotFoundError, ValueError: As `check` does.
        """
        inputs = given(inputs)
        self.check(model, inputs)
        return self.on(model).cost(inputs)

    def on(self, model: "Backbone") -> Work:
        """The method at work on a model. Its module is imported here, so that settings need no networks."""
        raise NotImplementedError

    @property
    def prompts(self) -> tuple[str, ...]:
        """All texts that the text encoder will read."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Prompted(Method):
    """The fields that edits from one prompt to another share."""

    source: str
    """What the video shows, in plain words: its main object, what it does and where. The closer the
    description, the better the inversion."""
    target: str
    """What it should show. Change as few words of the source prompt as the edit needs."""
    num_inference_steps: Annotated[int, AtLeast(1, usual=50)] = 50
    """Denoising steps. More steps follow the source more closely and take longer; 10 to 20 do for a first
    look."""

    def __post_init__(self) -> None:
        for name, verb in (("source", "shows"), ("target", "should show")):
            refuse_empty(getattr(self, name), f"{name} prompt", f"the video {verb}")
        super().__post_init__()

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.source, self.target


@dataclass(frozen=True, kw_only=True)
class TextEdit(Prompted):
    """The fields that edits with classifier-free guidance share."""

    negative_prompt: str = ""
    """What to keep out of the result."""
    guidance_scale: Annotated[float, AtLeast(0, usual=7.5)] = 7.5
    """How strongly the target prompt pulls, 1 or more. Turn it up when the edit is too weak, down when
    colours burn."""

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.source, self.target, self.negative_prompt


def given(inputs: "Inputs | Video") -> Inputs:
    """Inputs, also where only a video was given."""
    return inputs if isinstance(inputs, Inputs) else Inputs(video=inputs)


def verb_of(kind: type[Method]) -> Verb:
    """The command that runs a method: it follows from the inputs that the method needs."""
    return kind.needs.verb


def refuse_empty(prompt: str, name: str, subject: str) -> None:
    """Raises ValueError if a prompt says nothing."""
    if not prompt.strip():
        raise ValueError(f"the {name} is empty; say in a few words what {subject}")

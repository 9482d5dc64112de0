"""How refunds, disputes and answers read on a page: words, tones and icons."""

from collections.abc import Mapping
from typing import Final

from cspdcl.ui.looks import Look
from payments.states import DisputeState
from refunds.states import AnswerState, State

REQUESTS: Final[Mapping[str, Look]] = {
    State.ASKED: Look(State.ASKED.label, "prop"),
    State.APPROVED: Look(State.APPROVED.label, "wait"),
    State.REFUSED: Look(State.REFUSED.label, "", "circle-x"),
    State.SENDING: Look(State.SENDING.label, "wait"),
    State.SUCCEEDED: Look(State.SUCCEEDED.label, "ok"),
    State.FAILED: Look(State.FAILED.label, "bad"),
    State.MANUAL: Look(State.MANUAL.label, "open"),
}

DISPUTES: Final[Mapping[str, Look]] = {
    DisputeState.OPEN: Look(DisputeState.OPEN.label, "open"),
    DisputeState.ANSWERED: Look(DisputeState.ANSWERED.label, "wait"),
    DisputeState.ACCEPTED: Look(DisputeState.ACCEPTED.label, "wait", "flag"),
    DisputeState.WON: Look(DisputeState.WON.label, "ok"),
    DisputeState.LOST: Look(DisputeState.LOST.label, "bad"),
    DisputeState.CLOSED: Look(DisputeState.CLOSED.label, "", "circle-dashed"),
}

ANSWERS: Final[Mapping[str, Look]] = {
    AnswerState.PROPOSED: Look(AnswerState.PROPOSED.label, "prop"),
    AnswerState.REJECTED: Look(AnswerState.REJECTED.label, "", "circle-x"),
    AnswerState.APPROVED: Look(AnswerState.APPROVED.label, "wait"),
    AnswerState.SENDING: Look(AnswerState.SENDING.label, "wait"),
    AnswerState.SENT: Look(AnswerState.SENT.label, "ok"),
    AnswerState.DECLINED: Look(AnswerState.DECLINED.label, "bad"),
    AnswerState.MANUAL: Look(AnswerState.MANUAL.label, "open"),
    AnswerState.DONE: Look(AnswerState.DONE.label, "ok"),
}

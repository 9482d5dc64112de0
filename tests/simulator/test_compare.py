"""The comparison counts each planted item once, and everything else as false."""

from simulator.compare import compare

TRUTH = {
    "planted": [
        {"reason": "duplicate", "keys": ["pay_1", "pay_2"], "amount_paise": 500, "note": ""},
        {"reason": "short_credit", "keys": ["setl_1"], "amount_paise": 7, "note": ""},
    ]
}


def _break(reason, reference, *references, amount=500, state="open"):
    return {
        "reason": reason,
        "reference": reference,
        "references": list(references),
        "amount_paise": amount,
        "state": state,
    }


def test_found_by_any_of_its_keys():
    both = [
        _break("duplicate", "26H18-X", "pay_2"),
        _break("short_credit", "UTR", "setl_1", amount=7),
    ]
    outcome = compare(TRUTH, both)
    assert outcome.is_perfect
    assert outcome.by_reason() == {
        "duplicate": {"found": 1, "missed": 0, "false": 0},
        "short_credit": {"found": 1, "missed": 0, "false": 0},
    }


def test_a_second_break_for_the_same_item_is_false():
    outcome = compare(TRUTH, [_break("duplicate", "pay_1"), _break("duplicate", "pay_2")])
    assert (len(outcome.found), len(outcome.missed), len(outcome.false)) == (1, 1, 1)


def test_another_reason_is_missed_and_false():
    outcome = compare(TRUTH, [_break("ambiguous", "pay_1")])
    assert outcome.by_reason()["ambiguous"] == {"found": 0, "missed": 0, "false": 1}
    assert outcome.by_reason()["duplicate"]["missed"] == 1


def test_another_amount_is_said():
    outcome = compare(TRUTH, [_break("duplicate", "pay_1", amount=1)])
    assert [amount for _, amount in outcome.other_amount] == [1]
    assert not outcome.is_perfect


def test_closed_breaks_do_not_count():
    assert compare(TRUTH, [_break("duplicate", "pay_1", state="closed")]).found == []

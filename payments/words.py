"""An amount in words, as receipts say it: English and Hindi, in lakh and crore."""

from typing import Final

from num2words import num2words

# Every Hindi number below a hundred is a word of its own.
_HINDI: Final = "\n".join(
    (
        "शून्य एक दो तीन चार पाँच छह सात आठ नौ",
        "दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस",
        "बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस",
        "तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस",
        "चालीस इकतालीस बयालीस तैंतालीस चौवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास",
        "पचास इक्यावन बावन तिरपन चौवन पचपन छप्पन सत्तावन अट्ठावन उनसठ",
        "साठ इकसठ बासठ तिरसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर",
        "सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर अठहत्तर उन्यासी",
        "अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी",
        "नब्बे इक्यानवे बानवे तिरानवे चौरानवे पचानवे छियानवे सत्तानवे अट्ठानवे निन्यानवे",
    )
).split()
_HINDI_STEPS: Final = ((10**7, "करोड़"), (10**5, "लाख"), (1000, "हज़ार"), (100, "सौ"))


def in_english(paise: int) -> str:
    """``246350`` is "Rupees two thousand four hundred and sixty-three and paise fifty only"."""
    whole, part = divmod(_positive(paise), 100)
    words = f"Rupees {_english(whole)}"
    return f"{words} and paise {_english(part)} only" if part else f"{words} only"


def in_hindi(paise: int) -> str:
    """``246300`` is "दो हज़ार चार सौ तिरसठ रुपये मात्र"."""
    whole, part = divmod(_positive(paise), 100)
    words = f"{_hindi(whole)} {'रुपया' if whole == 1 else 'रुपये'}"
    return f"{words} {_hindi(part)} पैसे मात्र" if part else f"{words} मात्र"


def _positive(paise: int) -> int:
    if paise < 0:
        raise ValueError(f"a receipt is never for less than nothing: {paise}")
    return paise


def _english(number: int) -> str:
    crore, rest = divmod(number, 10**7)
    if crore >= 1000:  # more than num2words can say
        words = f"{_english(crore)} crore"
        return f"{words} {_english(rest)}" if rest else words
    return str(num2words(number, lang="en_IN")).replace(",", "")


def _hindi(number: int) -> str:
    if number < len(_HINDI):
        return _HINDI[number]
    step, name = next((step, name) for step, name in _HINDI_STEPS if number >= step)
    head, rest = divmod(number, step)
    words = f"{_hindi(head)} {name}"
    return f"{words} {_hindi(rest)}" if rest else words

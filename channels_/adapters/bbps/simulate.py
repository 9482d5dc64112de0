"""How Bharat Connect's XML looks from outside: signed requests, the Ack of our response, files."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from lxml import etree

from channels_ import xml_signed
from channels_.adapters.bbps.messages import NAMESPACE, document, validate
from channels_.adapters.bbps.notices import SECRET
from channels_.adapters.bbps.replies import SIGNING_SECRET
from channels_.contract import Method, Setup, Unreadable, Wire
from channels_.formats.bbps_raw import Cleared, write_mis, write_raw
from channels_.simulation import (
    Called,
    Envelope,
    Listed,
    News,
    ReportRow,
    SampleKeys,
    SamplePayment,
    Simulation,
    Subject,
    World,
)
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Unverified

UNIT: Final = "BD01"
BILLER: Final = "CSPDCL000CHH01"

_CHARGEBACK: Final = "REFUND ARBITRATION"
_MTI: Final[Mapping[str, str]] = {"payment": "PAYMENT", "refund": "REFUND"}
_MODES: Final[Mapping[str, str]] = {
    Method.UPI: "UPI",
    Method.NETBANKING: "Internet Banking",
    Method.CARD: "Debit Card",
    Method.WALLET: "Wallet",
    Method.CASH: "Cash",
}


def tell(news: News, subject: Subject, at: datetime, event_id: str) -> Envelope:
    """The payment request, not yet signed; a unit tells nothing else by itself."""
    if news is not News.PAID or not isinstance(subject, SamplePayment):
        raise ValueError(f"a biller unit tells nothing of {news}")
    root = _request("BillPaymentRequest", event_id, at)
    _txn(
        root,
        event_id,
        subject.paid_at,
        type="FORWARD TYPE REQUEST",
        txnReferenceId=subject.channel_ref,
        paymentRefId=subject.rrn or "NA",
    )
    _payer(root, subject.mobile)
    _bill(root, subject.consumer_number)
    paid = str(subject.amount_paise)
    told = {"amount": paid, "billNumber": subject.bill_number}
    etree.SubElement(root, "BillerResponse", {name: text for name, text in told.items() if text})
    etree.SubElement(
        root, "PaymentMethod", quickPay="No", splitPay="No", paymentMode=_MODES[subject.method]
    )
    amount = etree.SubElement(root, "Amount")
    etree.SubElement(amount, "Amt", amount=paid, custConvFee="0", currency="356")
    return _envelope(root)


def ask_dues(consumer_number: str, at: datetime, event_id: str) -> Envelope:
    """The fetch of a consumer's bill, not yet signed."""
    root = _request("BillFetchRequest", event_id, at)
    _txn(root, event_id, at)
    _payer(root, "9000000000")
    _bill(root, consumer_number)
    return _envelope(root)


def seal(envelope: Envelope, setup: Setup) -> Envelope:
    """The message signed, as of the moment it is sent."""
    root = etree.fromstring(envelope.body)
    head = root.find("Head")
    if head is not None:
        head.set("ts", _moment(setup.at))
    return envelope._replace(body=xml_signed.sign(root, setup.secrets[SECRET]))


def sign(envelope: Envelope, _setup: Setup) -> Mapping[str, str]:
    """The signature is inside."""
    return envelope.headers


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The unit's MIS, and the raw file of the same rows."""
    cleared = _rows(rows)
    return {"csv": write_mis(cleared), "xml": write_raw(cleared, unit=UNIT, biller=BILLER)}


def answer(called: Called, _world: World, setup: Setup) -> Wire:
    """The unit's address for our responses: proved, checked, acknowledged."""
    try:
        root = document(called.body)
        xml_signed.check(root, setup.secrets[SIGNING_SECRET])
        validate(root)
    except (Unreadable, Unverified) as error:
        return _ack("UNKNOWN", "NA", "NA", setup, problem=str(error))
    head, txn = root.find("Head"), root.find("Txn")
    ref = "NA" if head is None else head.get("refId", "NA")
    message = "NA" if txn is None else txn.get("msgId", "NA")
    api = etree.QName(root).localname.removesuffix("Response").removeprefix("Bill").upper()
    if not called.path.endswith(ref):
        return _ack(api, ref, message, setup, problem="the address names another message")
    return _ack(f"{api}_RESPONSE", ref, message, setup)


def make_keys() -> SampleKeys:
    """Two pairs of RSA keys: the unit's, and ours for what we answer."""
    unit, biller = _pair(), _pair()
    return SampleKeys(
        ours={SECRET: unit[1], SIGNING_SECRET: biller[0]},
        theirs={SECRET: unit[0], SIGNING_SECRET: biller[1]},
    )


def is_accepted(wire: Wire) -> bool:
    """Whether our Ack says that we have it."""
    return wire.status == 200 and b'RspCd="Successful"' in wire.body


def _request(api: str, event_id: str, at: datetime) -> etree._Element:
    root = etree.Element(f"{{{NAMESPACE}}}{api}", nsmap={"ns2": NAMESPACE})
    ref = _id(f"ref:{event_id}")
    etree.SubElement(root, "Head", ver="1.0", ts=_moment(at), origInst=UNIT, refId=ref)
    return root


def _txn(root: etree._Element, event_id: str, at: datetime, **more: str) -> None:
    said = {"ts": _moment(at), "msgId": _id(f"msg:{event_id}"), **more}
    etree.SubElement(root, "Txn", said)


def _payer(root: etree._Element, mobile: str) -> None:
    etree.SubElement(root, "Customer", mobile=mobile)
    agent = etree.SubElement(root, "Agent", id=f"{UNIT}XXXXMOB000000001")
    device = etree.SubElement(agent, "Device")
    etree.SubElement(device, "Tag", name="INITIATING_CHANNEL", value="MOB")


def _bill(root: etree._Element, consumer_number: str) -> None:
    details = etree.SubElement(root, "BillDetails")
    etree.SubElement(details, "Biller", id=BILLER)
    params = etree.SubElement(details, "CustomerParams")
    etree.SubElement(params, "Tag", name="Business Partner Number", value=consumer_number)


def _envelope(root: etree._Element) -> Envelope:
    head = root.find("Head")
    ref = "" if head is None else head.get("refId", "")
    path = f"{etree.QName(root).localname}/1.0/urn:referenceId:{ref}"
    return Envelope(etree.tostring(root), {"Content-Type": "application/xml"}, path)


def _ack(api: str, ref: str, message: str, setup: Setup, *, problem: str = "") -> Wire:
    root = etree.Element(f"{{{NAMESPACE}}}Ack", nsmap={"ns2": NAMESPACE})
    said = {"api": api, "refId": ref, "msgId": message, "ts": _moment(setup.at)}
    for name, text in {**said, "RspCd": "Failure" if problem else "Successful"}.items():
        root.set(name, text)
    if problem:
        messages = etree.SubElement(root, "errorMessages")
        etree.SubElement(messages, "errorCd").text = "malformed"
        etree.SubElement(messages, "errorDtl").text = problem[:200]
    return Wire(etree.tostring(root), 200, {"content-type": "application/xml"})


def _pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def _id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest().upper()[:35]


def _moment(at: datetime) -> str:
    return at.astimezone(INDIA).isoformat(timespec="seconds")


def _rows(rows: Sequence[ReportRow]) -> list[Cleared]:
    return [
        Cleared(
            ref=row.channel_ref,
            mti=_MTI.get(row.word, row.word.upper()) if not row.dispute_ref else _CHARGEBACK,
            amount_paise=-row.amount_paise if row.debit_paise else row.amount_paise,
            fee_paise=row.fee_paise,
            tax_paise=row.tax_paise,
            paid_at=row.created_at,
            cleared_at=row.settled_at,
            mode=_MODES.get(row.method, "Wallet"),
            cycle=row.settlement_ref,
            utr=row.utr,
            consumer_number=row.consumer_number,
            original_ref=row.payment_ref,
            dispute_ref=row.dispute_ref,
            remarks=row.description,
        )
        for row in rows
    ]


SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    seal=seal,
    report=report,
    answer=answer,
    news=frozenset({News.PAID}),
    methods=((Method.UPI, 70), (Method.NETBANKING, 15), (Method.CARD, 10), (Method.WALLET, 5)),
    door="/ask/{code}/{path}",
    settings={"any_day": True},
    share=14,  # each of its questions is signed, and answered before the next
    merchant_id=BILLER,
    make_keys=make_keys,
    refs={
        "payment": f"{UNIT}####????????????",
        "row": f"{UNIT}####????????????",
        "dispute": "CC#############",
        "settlement": "BBPS##########",
    },
    lists=frozenset({Listed.CHARGEBACK, Listed.OTHER, Listed.FEE}),
    is_ordered=False,
    is_accepted=is_accepted,
)

"""XML that partners sign: read without its traps, proved by a key we hold, signed by ours.

One enveloped signature, a child of the document element, over the whole document. The key that a
message brings is never believed: it must be the one that was agreed on.
"""

import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.exceptions import SignXMLException
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from channels_.contract import Unreadable
from channels_.formats.guard import check_doctype
from cspdcl.kernel.errors import Malformed, Unverified

DSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
DEPTH_MAX: Final = 32
ELEMENTS_MAX: Final = 2_000

_KEY_BITS_MIN: Final = 2048
_ENVELOPED: Final = SignatureConstructionMethod.enveloped.value
_C14N: Final = frozenset(
    {
        CanonicalizationMethod.CANONICAL_XML_1_0.value,
        CanonicalizationMethod.CANONICAL_XML_1_1.value,
        CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0.value,
    }
)
_EXPECTED: Final = SignatureConfiguration(
    require_x509=False,
    location="./",
    expect_references=1,
    signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
)
# What the library makes of a signature that is none.
_FAULTS: Final = (
    SignXMLException,
    InvalidSignature,
    UnsupportedAlgorithm,
    etree.LxmlError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
)
_TAG: Final = f"{{{DSIG}}}Signature"


def read(body: bytes, *, elements_max: int = ELEMENTS_MAX) -> etree._Element:
    """The document element of UTF-8 XML; no document type, comment or processing instruction."""
    if b"\0" in body:
        raise Unreadable("expected XML in UTF-8")
    try:
        check_doctype(body)
        body.decode("utf-8")
        root = etree.fromstring(body, _parser())
    except (Malformed, UnicodeDecodeError, etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(f"expected plain XML in UTF-8: {error}") from error
    _check_tree(root, elements_max)
    return root


def check(root: etree._Element, pem: str) -> None:
    """Prove that the key or certificate signed the whole document; raises Unverified."""
    expected = _public_key(pem)
    found = list(root.iter(_TAG))
    if len(found) != 1 or found[0].getparent() is not root:
        raise Unverified("expected one signature, a child of the document element")
    _check_reference(found[0])
    try:
        proof = _Verifier().verify(root, expect_config=_EXPECTED)
    except _FAULTS as error:
        raise Unverified(f"the signature does not match: {error}") from error
    if not isinstance(proof, VerifyResult) or proof.signed_xml is None:
        raise Unverified("expected one signed document")
    if not hmac.compare_digest(proof.signature_key, expected):
        raise Unverified("signed by another key")
    if proof.signed_xml.tag != root.tag:
        raise Unverified("the signature covers something else")


def sign(root: etree._Element, pem: str) -> bytes:
    """The document with an enveloped signature by our key, and the key's public half."""
    signer = XMLSigner(
        signature_algorithm=SignatureMethod.RSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_0,
    )
    signed = signer.sign(root, key=_private_key(pem), exclude_c14n_transform_element=True)
    return etree.tostring(signed, encoding="UTF-8", xml_declaration=True)


class _Verifier(XMLVerifier):
    """Canonicalises the signature's own part right where it stands in a default namespace.

    libxml2 then writes xmlns="" into it, which no signer did. The document itself is left as it is:
    there xmlns="" means something.
    """

    def _c14n(
        self, nodes: Any, algorithm: Any, inclusive_ns_prefixes: Sequence[str] | None = None
    ) -> bytes:
        written: bytes = super()._c14n(nodes, algorithm, inclusive_ns_prefixes)
        if getattr(nodes, "tag", "") == f"{{{DSIG}}}SignedInfo":
            return written.replace(b' xmlns=""', b"")
        return written


def _check_reference(signature: etree._Element) -> None:
    """One reference, to the whole document, through the known transforms only."""
    references = list(signature.iter(f"{{{DSIG}}}Reference"))
    if len(references) != 1 or references[0].get("URI") != "":
        raise Unverified("expected one reference to the whole document")
    used = [one.get("Algorithm") for one in references[0].iter(f"{{{DSIG}}}Transform")]
    if used[:1] != [_ENVELOPED] or len(used) > 2 or not set(used[1:]) <= _C14N:
        raise Unverified("expected the transform for enveloped signatures")
    method = signature.find(f".//{{{DSIG}}}CanonicalizationMethod")
    if method is None or method.get("Algorithm") not in _C14N:
        raise Unverified("expected a canonicalisation without comments")
    given = signature.find(f".//{{{DSIG}}}X509Data")
    if given is not None or signature.find(f".//{{{DSIG}}}RSAKeyValue") is None:
        raise Unverified("expected the signer's key as KeyValue")


def _check_tree(root: etree._Element, elements_max: int) -> None:
    depth = count = 0
    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, _node in walk:
        if event == "start":
            depth += 1
            count += 1
        elif event == "end":
            depth -= 1
        else:
            raise Unreadable("comments and processing instructions are not accepted")
        if depth > DEPTH_MAX or count > elements_max:
            raise Unreadable(f"expected at most {elements_max} elements, {DEPTH_MAX} deep")
    before, after = root.getprevious(), root.getnext()
    if before is not None or after is not None:
        raise Unreadable("comments and processing instructions are not accepted")


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_blank_text=False,
    )


@lru_cache(maxsize=64)
def _public_key(pem: str) -> bytes:
    """The agreed key in the form the verifier tells the used one in; a certificate holds one."""
    try:
        if "BEGIN CERTIFICATE" in pem:
            key: object = x509.load_pem_x509_certificate(pem.encode()).public_key()
        else:
            key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise Unverified("no public key or certificate is agreed on") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < _KEY_BITS_MIN:
        raise Unverified(f"expected an RSA key of {_KEY_BITS_MIN} bits or more")
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@lru_cache(maxsize=64)
def _private_key(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("expected an RSA private key")
    return key

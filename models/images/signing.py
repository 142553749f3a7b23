"""The key that generated pictures are signed with: the shop's own, or one made here.

C2PA wants a certificate that somebody else signed, so a key made here comes with an authority of its own. Programs
that read such a picture find the signature valid and its maker unknown.
"""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from models.domain.errors import SettingsRefused

CERTIFICATES_FILE: Final = "certificates.pem"
KEY_FILE: Final = "key.pem"
VALID_FOR: Final = timedelta(days=3650)
ALGORITHMS: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512", "ed25519": "ed25519"}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A certificate chain, leaf first, and its private key."""

    certificates: bytes
    key: bytes
    algorithm: str
    """As C2PA names it."""
    is_self_signed: bool

    def __repr__(self) -> str:
        """Without the key."""
        return f"SigningKey({self.algorithm}, {'self-signed' if self.is_self_signed else 'own'})"


def read_signing_key(certificates: Path, key: Path) -> SigningKey:
    """The shop's own, PEM. Raises SettingsRefused for what is none, or a kind of key that C2PA does not take."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        chain, secret = certificates.read_bytes(), key.read_bytes()
        leaf = x509.load_pem_x509_certificates(chain)[0]
        private = load_pem_private_key(secret, password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsRefused(f"{certificates} and {key} are no PEM certificates and private key: {error}") from error
    if leaf.public_key() != private.public_key():
        raise SettingsRefused(f"the first certificate of {certificates} does not belong to the key in {key}")
    curve = getattr(getattr(private, "curve", None), "name", type(private).__name__.removesuffix("PrivateKey").lower())
    if curve not in ALGORITHMS:
        raise SettingsRefused(f"{key} is of the kind {curve}; C2PA signatures here take {', '.join(ALGORITHMS)}")
    return SigningKey(chain, secret, ALGORITHMS[curve], is_self_signed=leaf.issuer == leaf.subject)


def own_signing_key(folder: Path) -> SigningKey:
    """The key of this installation: made at the first call, and the same from then on."""
    folder.mkdir(parents=True, exist_ok=True)
    key, certificates = folder / KEY_FILE, folder / CERTIFICATES_FILE
    # of two processes that make one at the same time the first key stays, and certificates are made for that
    if not key.is_file():
        _write(key, _new_key(), mode=0o600, over=False)
    if not certificates.is_file():
        _write(certificates, _certificates_for(key.read_bytes()), mode=0o644, over=True)
    found = read_signing_key(folder / CERTIFICATES_FILE, folder / KEY_FILE)
    return SigningKey(found.certificates, found.key, found.algorithm, is_self_signed=True)


def _new_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _certificates_for(key: bytes) -> bytes:
    """Leaf and authority, which is made with it and signs nothing else."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(common: str) -> x509.Name:
        parts = {NameOID.ORGANIZATION_NAME: "Figment, self-signed", NameOID.COMMON_NAME: common}
        return x509.Name([x509.NameAttribute(*part) for part in parts.items()])

    def usage(*, signs: bool) -> x509.KeyUsage:
        others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign")
        none = dict.fromkeys((*others, "encipher_only", "decipher_only"), False)
        return x509.KeyUsage(digital_signature=signs, key_cert_sign=not signs, **none)

    now = datetime.now(UTC)
    authority, own = ec.generate_private_key(ec.SECP256R1()), load_pem_private_key(key, password=None)
    assert isinstance(own, ec.EllipticCurvePrivateKey), "made here"

    def certificate(common: str, key: ec.EllipticCurvePrivateKey, *, is_authority: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(name("authority"), name(common), key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + VALID_FOR)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(usage(signs=not is_authority), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )

    # what C2PA asks of a leaf: a purpose, and the authority's key by its identifier
    leaf = (
        certificate("pictures", own, is_authority=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
    )
    root = certificate("authority", authority, is_authority=True)
    return b"".join(each.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM) for each in (leaf, root))


def _write(file: Path, content: bytes, *, mode: int, over: bool) -> None:
    """Whole or not at all; one that is there already stays unless `over`."""
    unfinished = file.with_name(f".{secrets.token_hex(8)}-{file.name}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
            opened.write(content)
        if over:
            unfinished.replace(file)
        else:
            with suppress(FileExistsError):
                os.link(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)

"""Certificates, made by openssl when a test asks for them."""

import dataclasses
import pathlib
import ssl
import subprocess


@dataclasses.dataclass
class Identity:
    """A certificate and its key, both PEM files."""

    cert: pathlib.Path
    key: pathlib.Path

    def settings(self, prefix="listen.tls.", cert="cert", key="key"):
        """As settings: {"listen__tls__cert": ...}."""
        prefix = prefix.replace(".", "__")
        return {prefix + cert: str(self.cert), prefix + key: str(self.key)}


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def self_signed(folder, name, alternative="IP:127.0.0.1"):
    """One that vouches for itself."""
    made = Identity(folder / f"{name}.crt", folder / f"{name}.key")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2, "-subj",
            f"/CN={name}", "-addext", f"subjectAltName={alternative}", "-keyout", made.key, "-out", made.cert)
    return made


class Authority:
    """Vouches for others."""

    def __init__(self, folder, name="authority"):
        self.folder = folder
        self.own = self_signed(folder, name, "DNS:authority.invalid")

    @property
    def cert(self):
        return self.own.cert

    def issue(self, name, alternative="IP:127.0.0.1", days=2):
        """An identity for who is at that address or has that name."""
        made = Identity(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        asked, extra = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
                made.key, "-out", asked)
        extra.write_text(f"subjectAltName={alternative}\n")
        openssl("x509", "-req", "-in", asked, "-CA", self.own.cert, "-CAkey", self.own.key, "-CAcreateserial", "-days", days,
                "-extfile", extra, "-out", made.cert)
        return made


def trusting(cert, **versions):
    """A client's context."""
    context = ssl.create_default_context(cafile=cert)
    for name, version in versions.items():
        setattr(context, name, version)
    return context


def serving(identity, clients=None):
    """A server's context; `clients`: the authority that clients must have a certificate of."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.cert, identity.key)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context

"""Certificates for tests: an authority and what it signs, made by the openssl command."""
import os
import ssl
import subprocess

HOUR = ["-days", "1"]


class Authority:
    """Makes certificates in `directory`; all are good for localhost and a day."""

    def __init__(self, directory, name="ca"):
        self.directory = str(directory)
        self.file = self._path(name, "pem")
        self._key = self._path(name, "key")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256",
                      *HOUR, "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
                      "-keyout", self._key, "-out", self.file)

    def _path(self, name, kind):
        return os.path.join(self.directory, f"{name}.{kind}")

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)

    def issue(self, name, subject=None, names="DNS:localhost,IP:127.0.0.1"):
        """A certificate and its key: two paths."""
        certificate, key, request = (self._path(name, kind) for kind in ("pem", "key", "csr"))
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", subject or f"/O=Weir/CN={name}", "-keyout", key, "-out", request)
        extensions = self._path(name, "ext")
        with open(extensions, "w", encoding="ascii") as f:
            f.write(f"subjectAltName={names}\n" if names else "basicConstraints=CA:FALSE\n")
        self._openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-CAcreateserial",
                      "-sha256", *HOUR, "-extfile", extensions, "-out", certificate)
        return certificate, key

    def client(self, certificate=None, version=None):
        """How a client connects that trusts this authority, perhaps with (certificate, key)."""
        context = ssl.create_default_context(cafile=self.file)
        if certificate:
            context.load_cert_chain(*certificate)
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    @staticmethod
    def pin(certificate):
        """What pinned_certs calls the certificate's key."""
        command = (f"openssl x509 -in {certificate} -pubkey -noout | openssl pkey -pubin -outform der |"
                   " openssl dgst -sha256 -hex")
        out = subprocess.run(command, shell=True, check=True, capture_output=True, text=True, timeout=30).stdout
        return out.split()[-1]

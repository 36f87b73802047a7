"""An S3 server, versitygw on a directory, with one bucket and one account.

Options: tls=yes serves https with a certificate of an own CA; virtual=yes also takes the bucket as
part of the host name; faults=yes puts s3_faults.py before it, whose methods are then the server's.

settings: url (of common/store), endpoint, bucket, access, secret, credentials (a file in the AWS
form), data (the folder that is the bucket), ca ("" without TLS).
"""
import pathlib
import subprocess

import s3_faults
import servers

BUCKET = "reflection"
ACCESS, SECRET = "testkey", "testsecret123"
PROGRAM = servers.fetched("s3") / "versitygw"


def missing():
    return "" if PROGRAM.is_file() else f"no S3 server: {PROGRAM} was not built (scripts/test does)"


def write_credentials(path, access=ACCESS, secret=SECRET, token=""):
    lines = ["[default]", f"aws_access_key_id = {access}", f"aws_secret_access_key = {secret}"]
    lines += [f"aws_session_token = {token}"] if token else []
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(lines) + "\n")
    fresh.rename(path)


def make_certificate(directory):
    """Key and certificate of localhost and what is below it, signed by themselves."""
    names = f"subjectAltName=DNS:localhost,DNS:{BUCKET}.localhost,IP:127.0.0.1"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", names, "-keyout",
                    directory / "tls.key", "-out", directory / "tls.pem"], check=True, capture_output=True)


class Server(servers.Base):
    def __init__(self, directory, tls="", virtual="", faults=""):
        self.directory = pathlib.Path(directory)
        self.port = servers.free_ports(1)[0]
        self.bucket = self.directory / "data" / BUCKET
        for folder in (self.bucket, self.directory / "iam"):
            folder.mkdir(parents=True)
        self.credentials = self.directory / "credentials"
        write_credentials(self.credentials)
        command = [str(PROGRAM), "--quiet", "--access", ACCESS, "--secret", SECRET, "--region", "us-east-1",
                   "--iam-dir", str(self.directory / "iam"), "--port", f"127.0.0.1:{self.port}"]
        if virtual:
            command += ["--virtual-domain", f"localhost:{self.port}"]
        if tls:
            make_certificate(self.directory)
            command += ["--cert", str(self.directory / "tls.pem"), "--key", str(self.directory / "tls.key")]
        self.process = servers.Process(self.directory, "s3", command + ["posix", str(self.directory / "data")])
        self.processes = [self.process]
        self.faults = s3_faults.Proxy(self.port) if faults else None
        port = self.faults.port if faults else self.port
        self.settings = self.describe("https" if tls else "http", port, bool(virtual))

    def describe(self, scheme, port, virtual):
        ca = str(self.directory / "tls.pem") if scheme == "https" else ""
        endpoint = f"{scheme}://{'localhost' if virtual else '127.0.0.1'}:{port}"
        url = f"s3://{BUCKET}?endpoint={endpoint}&credentials={self.credentials}"
        url += "&style=virtual" if virtual else ""
        url += f"&ca={ca}" if ca else ""
        return {"url": url, "endpoint": endpoint, "bucket": BUCKET, "access": ACCESS, "secret": SECRET,
                "credentials": str(self.credentials), "data": str(self.bucket), "ca": ca}

    def start(self):
        self.process.start()
        self.process.wait_until(lambda: servers.can_connect(self.port), "the S3 server listens")

    def stop(self):
        super().stop()
        if self.faults:
            self.faults.stop()

    def login(self, access, secret, token=""):
        """Changes what the credentials file says."""
        write_credentials(self.credentials, access, secret, token)

    def __getattr__(self, name):
        if name != "faults" and self.faults:
            return getattr(self.faults, name)
        raise AttributeError(name)

"""A handler that every runtime serves unchanged: ann, password "secret", reads and stores files where it is started."""

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler

REFUSED = (".exe", ".dll")


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()
    proto_cmds = FTPHandler.proto_cmds | {
        "SITE REFUSED": {"perm": None, "auth": True, "arg": None, "help": "Syntax: SITE REFUSED (what is not taken)."}
    }

    def on_file_received(self, file: str) -> None:
        self.log(f"{self.username} stored {file}")

    def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
        if not file.lower().endswith(REFUSED):
            return super().ftp_STOR(file, mode)
        self.respond("553 No programs here.")
        return None

    def ftp_SITE_REFUSED(self, line: str) -> None:
        self.respond(f"200 {' '.join(REFUSED)}")


Handler.authorizer.add_user("ann", "secret", ".", perm="elrw")

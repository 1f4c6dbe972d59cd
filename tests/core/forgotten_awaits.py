"""Commands that forget an `await`: mypy must object to every line marked FORGOTTEN, and to no other.

Never imported, and left out of ordinary runs; `test_forgotten_awaits.py` hands it to mypy.
"""

from __future__ import annotations

from ftpcore import (
    CheckPermission,
    CloseFile,
    Effect,
    EnterDir,
    MakeDir,
    OpenFile,
    OpenMode,
    Pause,
    RemoveFile,
    Rename,
    Reply,
    SendData,
    Session,
    SetMode,
    Stat,
    VirtualPath,
)


class Forgetful(Session):
    async def ftp_CWD(self, path: VirtualPath) -> Reply:
        EnterDir(path)  # FORGOTTEN
        self.cwd = path
        return Reply.of(250, "In.")

    async def ftp_MKD(self, path: VirtualPath) -> Reply:
        made = MakeDir(path)
        await made
        MakeDir(path)  # FORGOTTEN
        return Reply.of(257, "Made.")

    async def ftp_DELE(self, path: VirtualPath) -> Reply:
        self.require("d", path)  # FORGOTTEN
        await RemoveFile(path)
        return Reply.of(250, "Removed.")

    async def ftp_RMD(self, path: VirtualPath) -> Reply:
        if CheckPermission(self.logged_in(), "d", path):  # FORGOTTEN
            await RemoveFile(path)
        return Reply.of(250, "Removed.")

    async def ftp_RNTO(self, path: VirtualPath) -> Reply:
        allowed = CheckPermission(self.logged_in(), "f", path)
        if not allowed:  # FORGOTTEN
            return Reply.of(550, "No.")
        Rename(path, path)  # FORGOTTEN
        return Reply.of(250, "Renamed.")

    async def ftp_SIZE(self, path: VirtualPath) -> Reply:
        return Reply.of(213, str(Stat(path).size))  # FORGOTTEN

    async def ftp_MDTM(self, path: VirtualPath) -> Reply:
        while CheckPermission(self.logged_in(), "l", path):  # FORGOTTEN
            Pause(1.0)  # FORGOTTEN
        return Reply.of(213, "20200101000000")

    async def ftp_MLST(self, path: VirtualPath) -> Reply:
        file = OpenFile(path, OpenMode.READ)
        await CloseFile(file, complete=True)  # FORGOTTEN
        return Reply.of(250, "Listed.")

    async def ftp_RNFR(self, path: VirtualPath) -> Reply:
        allowed = CheckPermission(self.logged_in(), "f", path) and path != "/"  # FORGOTTEN
        return Reply.of(350 if allowed else 550, "Well.")

    async def ftp_SITE_ENTER(self, path: VirtualPath) -> Reply:
        return self.ftp_CWD(path)  # FORGOTTEN

    async def ftp_SITE_MAKE(self, path: VirtualPath) -> Reply:
        self.ftp_MKD(path)  # FORGOTTEN
        return Reply.of(257, "Made.")

    def ftp_NOOP(self) -> Reply:
        Pause(1.0)  # FORGOTTEN
        return Reply.of(200, "Waited.")

    async def ftp_SITE_CHMOD(self, mode: str, path: VirtualPath) -> Reply:
        # What is right: awaited at once, later, or as part of a reply.
        change = SetMode(path, int(mode, 8))
        await change
        if not await CheckPermission(self.logged_in(), "M", path):
            return Reply.of(550, "No.")
        await self.require("M", path)
        sent: int = await SendData(b"data")
        later: tuple[Effect[object], ...] = (Pause(1.0), change)
        return Reply.of(200, f"{sent}", then=later)

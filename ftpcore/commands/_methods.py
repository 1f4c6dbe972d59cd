"""The commands, as methods of a session: one for each row of the table.  RFC 959 4.1."""

from __future__ import annotations

from ftpcore.commands import access, features, files, listing, parameters, security, transfer

__all__ = ["Commands"]


class Commands:
    """Base of `Session`; the functions say what they do."""

    ftp_USER = access.ftp_USER
    ftp_PASS = access.ftp_PASS
    ftp_REIN = access.ftp_REIN
    ftp_QUIT = access.ftp_QUIT
    ftp_AUTH = security.ftp_AUTH
    ftp_PBSZ = security.ftp_PBSZ
    ftp_PROT = security.ftp_PROT
    ftp_CCC = security.ftp_CCC
    ftp_TYPE = parameters.ftp_TYPE
    ftp_MODE = parameters.ftp_MODE
    ftp_STRU = parameters.ftp_STRU
    ftp_PASV = parameters.ftp_PASV
    ftp_PORT = parameters.ftp_PORT
    ftp_EPSV = parameters.ftp_EPSV
    ftp_EPRT = parameters.ftp_EPRT
    ftp_RETR = transfer.ftp_RETR
    ftp_STOR = transfer.ftp_STOR
    ftp_STOU = transfer.ftp_STOU
    ftp_APPE = transfer.ftp_APPE
    ftp_REST = transfer.ftp_REST
    send_blocks = transfer.send_blocks
    ftp_ABOR = transfer.ftp_ABOR
    ftp_ALLO = parameters.ftp_ALLO
    ftp_CWD = files.ftp_CWD
    ftp_CDUP = files.ftp_CDUP
    ftp_PWD = files.ftp_PWD
    ftp_MKD = files.ftp_MKD
    ftp_RMD = files.ftp_RMD
    ftp_DELE = files.ftp_DELE
    ftp_RNFR = files.ftp_RNFR
    ftp_RNTO = files.ftp_RNTO
    ftp_SIZE = files.ftp_SIZE
    ftp_MDTM = files.ftp_MDTM
    ftp_MFMT = files.ftp_MFMT
    ftp_LIST = listing.ftp_LIST
    ftp_NLST = listing.ftp_NLST
    ftp_MLSD = listing.ftp_MLSD
    ftp_MLST = listing.ftp_MLST
    ftp_STAT = features.ftp_STAT
    ftp_SYST = features.ftp_SYST
    ftp_FEAT = features.ftp_FEAT
    ftp_OPTS = features.ftp_OPTS
    ftp_HELP = features.ftp_HELP
    ftp_NOOP = features.ftp_NOOP
    ftp_SITE = features.ftp_SITE
    ftp_SITE_HELP = features.ftp_SITE_HELP
    ftp_SITE_CHMOD = files.ftp_SITE_CHMOD

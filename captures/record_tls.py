#!/usr/bin/env python3
"""Record RTMPS in which keys change: `rtmps-*.pcapng`, with their secrets inside.

openssl's s_server and s_client carry a session that is built here: they alone change keys when they are told to. Needs
root, unshare, ip, ethtool, tcpdump and openssl (3.0). Run it at the top of the checkout, in a network of its own:

    sudo PYTHONPATH=. unshare --net python3 captures/record_tls.py [FOLDER]
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rtmpsniff.transport.connection import Sender
from tests.build import Frame, Interface, Talk, pcapng, pcapng_block, session

PORT = 443
NAME = "live.example.com"
PAUSE = 0.06  # seconds; a command for openssl must come alone
Told = Mapping[int, tuple[Sender, bytes]]  # what openssl is told before a flight


class _Flights(Talk):
    """What each side says until the other has its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.flights: list[tuple[Sender, bytes]] = []

    def open(self) -> list[Frame]:
        return []

    def send(self, sender: Sender, data: bytes) -> list[Frame]:
        if self.flights and self.flights[-1][0] == sender:
            data = self.flights.pop()[1] + data
        self.flights.append((sender, data))
        return []

    def close(self, _sender: Sender = "client") -> list[Frame]:
        return []


def flights() -> list[tuple[Sender, bytes]]:
    """The session that every file holds."""
    talk = _Flights()
    session(talk)
    return talk.flights


class Recorder:
    """One capture in `folder`: a server, and clients one after another."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        self.pcap = folder / "pcap"
        self.keys.unlink(missing_ok=True)
        command = ["tcpdump", "-i", "lo", "--immediate-mode", "-U", "-s", "0", "-w", str(self.pcap), f"tcp port {PORT}"]
        self._dump = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(1)
        server = ["-accept", str(PORT), "-cert", str(folder / "pem"), "-key", str(folder / "pem"), *options]
        self._server = self._start("s_server", *server)
        time.sleep(0.3)

    @staticmethod
    def _start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["openssl", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def connect(self, *options: str, told: Told | None = None, skip: int = 0) -> None:
        """A client speaks the session, from its flight `skip` on."""
        target = ["-connect", f"127.0.0.1:{PORT}", "-servername", NAME]
        client = self._start("s_client", *target, "-keylogfile", str(self.keys), *options)
        time.sleep(0.6)
        for number, (sender, data) in enumerate(flights()):
            if told and number in told:
                self._say(client, *told[number])
                time.sleep(0.3)
            if number >= skip:
                self._say(client, sender, data)
        client.communicate()  # closes its standard input, which ends it
        time.sleep(0.2)

    def _say(self, client: subprocess.Popen[bytes], sender: Sender, data: bytes) -> None:
        pipe = client.stdin if sender == "client" else self._server.stdin
        if pipe is not None:
            pipe.write(data)
            pipe.flush()
        time.sleep(PAUSE)

    def save(self, path: Path) -> None:
        """Stop, and write a pcapng: its secrets first, then the packets."""
        self._server.kill()
        time.sleep(0.5)
        self._dump.send_signal(signal.SIGINT)
        self._dump.wait()
        log = b"".join(line for line in self.keys.read_bytes().splitlines(keepends=True) if line[:1] != b"#")
        secrets = b"KSLT" + len(log).to_bytes(4, "little") + log + bytes(-len(log) % 4)
        whole = pcapng(frames(self.pcap.read_bytes()), [Interface()])
        header = int.from_bytes(whole[4:8], "little")
        path.write_bytes(whole[:header] + pcapng_block(10, secrets) + whole[header:])


def frames(data: bytes) -> list[Frame]:
    """The packets of a little-endian pcap with microseconds."""
    found, at = [], 24
    while at < len(data):
        seconds, micros, size = (int.from_bytes(data[at + 4 * each : at + 4 * each + 4], "little") for each in range(3))
        found.append(Frame((seconds * 1_000_000 + micros) * 1000, data[at + 16 : at + 16 + size]))
        at += 16 + size
    return found


def run(*command: str) -> None:
    """Run a program to its end, which must be good."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def record(target: Path, folder: Path) -> None:
    """All files. The numbers are those of the flights before which keys change."""
    recorder = Recorder(folder, "-tls1_3")
    told: Told = {
        4: ("client", b"K\n"),
        6: ("server", b"K\n"),
        8: ("client", b"k\n"),
    }  # K asks the peer for one as well
    recorder.connect("-tls1_3", told=told)
    recorder.save(target / "rtmps-key-updates.pcapng")

    recorder = Recorder(folder, "-tls1_2", "-client_renegotiation", "-cipher", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0")
    recorder.connect("-tls1_2", "-cipher", "ALL:@SECLEVEL=0", told={6: ("client", b"R\n")})
    recorder.save(target / "rtmps-renegotiation.pcapng")

    early, ticket = folder / "early", folder / "ticket"
    early.write_bytes(flights()[0][1])
    recorder = Recorder(folder, "-tls1_3", "-early_data", "-max_early_data", "16384", "-no_anti_replay")
    recorder.connect("-tls1_3", "-sess_out", str(ticket))
    recorder.connect("-tls1_3", "-sess_in", str(ticket), "-early_data", str(early), skip=1)
    recorder.save(target / "rtmps-early-data.pcapng")


def main(arguments: Sequence[str]) -> None:
    """Prepare the network and a certificate, and record."""
    target = Path(arguments[0]) if arguments else Path(__file__).parent
    run("ip", "link", "set", "lo", "up", "mtu", "1500")
    run("ethtool", "-K", "lo", "tso", "off", "gso", "off", "gro", "off")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        pem = str(folder / "pem")
        key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9999", "-subj", f"/CN={NAME}"]
        run(*key, "-keyout", pem, "-out", str(folder / "certificate"))
        with Path(pem).open("ab") as file:
            file.write((folder / "certificate").read_bytes())
        record(target, folder)


if __name__ == "__main__":
    main(sys.argv[1:])

"""A real SLURM of two nodes on this machine, for the time of one command.

usage: python tests/slurm/cluster.py COMMAND [ARGUMENT ...]

Everything lies in a temporary folder and on free ports of this machine; nothing of the system's own configuration is
read or changed, and all that was started is ended when the command is over, however it ends. Debian's packages are
installed where they are missing. The command finds the cluster by SLURM_CONF.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

#: Set to 1, a machine where SLURM cannot be installed passes.
OPTIONAL = "SEADA_BENCH_SLURM_OPTIONAL"
#: Set for the command: there is a cluster.
PRESENT = "SEADA_BENCH_TEST_CLUSTER"
PACKAGES = ("slurm-wlm", "munge", "slurmdbd", "mariadb-server")
PROGRAMS = ("slurmctld", "slurmd", "slurmdbd", "sacct", "sbatch", "munged", "mariadbd", "mariadb-install-db")
ACCOUNT = "science"
NODES = ("n1", "n2")
#: Seconds that a daemon may take to answer, and that any call of the scheduler may take.
PATIENCE = 60

SLURM_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
# Two nodes with more cores together than the machine has.
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
SchedulerParameters=sched_interval=2,sched_min_interval=0,bf_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd_port}
# How the accounting finds munge: not a password.
AccountingStoragePass={folder}/munge.socket
{nodes}
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 State=UP
PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF State=UP
"""

SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdPort={dbd_port}
SlurmUser=root
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={sql_port}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
"""


class NoCluster(RuntimeError):
    """A cluster cannot be had on this machine."""


class ClusterBroken(RuntimeError):
    """The cluster does not do what it should."""


def install() -> None:
    """Install what is missing of Debian's packages."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if os.geteuid() != 0:
        raise NoCluster("SLURM's daemons need root")
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise NoCluster(f"there is no {missing[0]}, and no apt-get to install it")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(
            ["apt-get", "-qq", *arguments], env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode != 0:
            raise NoCluster(f"apt-get {arguments[0]}: {' '.join(done.stderr.split())[-300:]}")


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """Run a cluster; yields the environment in which its commands find it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True)))
        folder.chmod(0o755)
        environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), PRESENT: "1"}
        try:
            _start(folder, environment, stack)
        except (ClusterBroken, subprocess.SubprocessError):
            for log in sorted(folder.glob("*.log")):
                sys.stderr.write(f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}\n")
            raise
        yield environment


def _start(folder: Path, environment: dict[str, str], stack: ExitStack) -> None:
    sql_port, dbd_port, ctld_port, *node_ports = _free_ports(3 + len(NODES))
    nodes = "\n".join(
        f"NodeName={name} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 Port={port} CPUs=2 State=UNKNOWN"
        for name, port in zip(NODES, node_ports, strict=True)
    )
    values = {
        "folder": folder, "host": socket.gethostname(), "nodes": nodes,
        "sql_port": sql_port, "dbd_port": dbd_port, "ctld_port": ctld_port,
    }  # fmt: skip
    (folder / "state").mkdir()
    (folder / "slurm.conf").write_text(SLURM_CONF.format(**values))
    (folder / "slurmdbd.conf").write_text(SLURMDBD_CONF.format(**values))
    (folder / "slurmdbd.conf").chmod(0o600)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)

    def start(*command: str) -> None:
        stack.enter_context(_daemon(command, folder, environment))

    start(
        "munged", "--foreground", "--force", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.socket",
        f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed",
    )  # fmt: skip
    _start_database(folder, sql_port, start)
    start("slurmdbd", "-D")
    _until(lambda: _listens(dbd_port), "slurmdbd")
    for entry in (("cluster", "test"), ("account", ACCOUNT), ("user", "root", f"account={ACCOUNT}")):
        _call(["sacctmgr", "--immediate", "add", *entry], environment)
    start("slurmctld", "-D", "-c")
    _until(lambda: _listens(ctld_port), "slurmctld")
    for name in NODES:
        start("slurmd", "-D", "-N", name)
    # Ended first: whatever jobs have left.
    stack.callback(_end_jobs, environment)
    _until(lambda: _call(["sinfo", "-h", "-N", "-p", "low", "-o", "%t"], environment).split() == ["idle"] * 2, "nodes")


def _start_database(folder: Path, port: int, start: Callable[..., None]) -> None:
    data = f"--datadir={folder}/mysql"
    (folder / "grants.sql").write_text(
        "CREATE USER 'slurm'@'127.0.0.1' IDENTIFIED BY 'slurm';\nGRANT ALL ON slurm_acct_db.* TO 'slurm'@'127.0.0.1';\n"
    )
    install_db = ["mariadb-install-db", "--no-defaults", data, "--user=root", "--skip-test-db"]
    small = ("--innodb-log-file-size=8M", "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0")
    _call([*install_db, "--auth-root-authentication-method=normal"], dict(os.environ))
    start(
        "mariadbd", "--no-defaults", data, "--user=root", f"--socket={folder}/mysql.socket", f"--port={port}",
        "--bind-address=127.0.0.1", f"--pid-file={folder}/mysql.pid", f"--init-file={folder}/grants.sql",
        "--skip-name-resolve", *small,
    )  # fmt: skip
    _until(lambda: _listens(port), "mariadbd")


@contextmanager
def _daemon(command: Sequence[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    with (folder / f"{command[0]}.out.log").open("a") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_jobs(environment: dict[str, str]) -> None:
    subprocess.run(["scancel", "--full", "--user=root"], env=environment, timeout=PATIENCE, check=False)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and _call(["squeue", "-h"], environment).strip():
        time.sleep(0.5)
    # Whatever a job has left behind runs with this cluster's configuration, which no other process names.
    mark = f"SLURM_CONF={environment['SLURM_CONF']}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
            if mark in variables and b"SLURM_PROCID" in b" ".join(variables):
                os.kill(int(process.name), signal.SIGKILL)
        except (OSError, ValueError):
            continue


def _call(command: Sequence[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode != 0:
        raise ClusterBroken(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def _until(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > deadline:
            raise ClusterBroken(f"{what} did not come up in {PATIENCE} s")
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def main(command: list[str]) -> int:
    """Run a command beside a cluster."""
    # Its end by `kill` or by a lost terminal must clean up too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    try:
        install()
        started = time.monotonic()
        with cluster() as environment:
            sys.stderr.write(f"SLURM with two nodes is up after {time.monotonic() - started:.0f} s\n")
            return subprocess.run(command, env=environment, check=False).returncode
    except NoCluster as error:
        optional = os.environ.get(OPTIONAL) == "1"
        sys.stderr.write(f"no SLURM: {error}{'' if optional else f'; {OPTIONAL}=1 goes on without'}\n")
        return 0 if optional else 1
    except (ClusterBroken, subprocess.SubprocessError) as error:
        sys.stderr.write(f"SLURM is broken: {error}\n")
        return 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))

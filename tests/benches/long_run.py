"""A long run at constant energy: does its energy drift, and does the program's memory grow?

    python3 tests/benches/long_run.py --steps 1000000

A Cu50Zr50 glass of 500 atoms at 300 K, steps of 2 fs. The drift is the slope of the total energy, by least squares over the whole
run and over each quarter of it; its error is that of four independent quarters. The memory is the resident set of the process.
"""

import argparse
import csv
import pathlib
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "target" / "long_run"
SCRIPT = """
let glass = melt("Cu50Zr50", #{ atoms: ATOMS, temperature: 2000*K, seed: 1 })
    .quench(#{ to: 0*K, rate: 1e14*K/second })
    .minimize();
print("made");
let run = glass.md(nve(#{ temperature: 600*K }), #{ time: STEPS*2*fs, log: STEPS*2*fs / 4000, seed: 1 });
run.log.save("log.csv");
"""


def resident(pid):
    """Resident memory of a process in kilobytes; none once it has ended."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])
    except OSError:
        pass
    return None


def slope(x, y):
    return statistics.linear_regression(x, y).slope


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vitric", type=pathlib.Path, default=ROOT / "target" / "release" / "vitric")
    parser.add_argument("--atoms", type=int, default=500)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    HERE.mkdir(parents=True, exist_ok=True)
    script = HERE / "in.rhai"
    script.write_text(SCRIPT.replace("ATOMS", str(options.atoms)).replace("STEPS", f"{options.steps}.0"))
    command = [options.vitric.resolve(), "--threads", str(options.threads), "run", script]
    start = time.perf_counter()
    process = subprocess.Popen([str(c) for c in command], cwd=HERE, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    made = time.perf_counter()
    memory = []
    while process.poll() is None:
        kilobytes = resident(process.pid)
        if kilobytes:
            memory.append(kilobytes)
        time.sleep(0.5)
    end = time.perf_counter()
    if process.returncode != 0:
        raise SystemExit("the run failed")
    rows = list(csv.DictReader(open(HERE / "log.csv")))
    name = lambda start: next(key for key in rows[0] if key.startswith(start))
    column = lambda start: [float(row[name(start)]) for row in rows]
    # The run begins with the kinetic energy of half the temperature turning into potential energy.
    first = len(rows) // 100
    time_ns = [t / 1000 for t in column("time")[first:]]
    energy = column("total_energy")[first:]
    quarter = len(energy) // 4
    parts = [slope(time_ns[k : k + quarter], energy[k : k + quarter]) for k in range(0, 4 * quarter, quarter)]
    error = statistics.stdev(parts) / 2
    mean = statistics.fmean(energy)
    print(f"{options.atoms} atoms, {options.steps} steps, {statistics.fmean(column('temperature')[first:]):.0f} K, "
          f"{options.atoms * options.steps / (end - made) / 1e6:.2f} million atom-steps a second of the clock "
          f"(the glass took {made - start:.0f} s)")
    print(f"drift of the energy {slope(time_ns, energy):.2e} +- {error:.0e} eV per atom and ns; in each quarter "
          + ", ".join(f"{x:.1e}" for x in parts))
    print(f"farthest from the mean {max(abs(e - mean) for e in energy):.1e} eV per atom")
    early, late = memory[len(memory) // 10], memory[-1]
    print(f"memory {early / 1024:.1f} MB after a tenth of the run, {late / 1024:.1f} MB at its end, most {max(memory) / 1024:.1f} MB")


main()

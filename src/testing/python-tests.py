"""Runs a pack's tests in Python, its `test_*.py`: with its own modules, and what its driver may import of the runner."""
import importlib.util
import os
import sys
import unittest


def host_at(path):
    spec = importlib.util.spec_from_file_location("switchyard_host", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cases_in(suite):
    for one in suite:
        yield from cases_in(one) if isinstance(one, unittest.TestSuite) else [one]


def main(host_path, pack, *files):
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
    host = host_at(host_path)
    host.open_pack(pack)
    host.offer_sdk()
    suite = unittest.TestSuite()
    for folder in sorted({os.path.dirname(os.path.join(pack, file)) for file in files}):
        suite.addTest(unittest.TestLoader().discover(folder, "test_*.py", top_level_dir=folder))
    if not any(cases_in(suite)):
        print("not ok - no test was found in %s" % ", ".join(files))
        return 1
    result = unittest.TextTestRunner(verbosity=0).run(suite)
    for case, trace in result.failures + result.errors:
        print("not ok - %s: %s" % (case.id(), trace.strip().splitlines()[-1]))
    for case in result.unexpectedSuccesses:
        print("not ok - %s: it was expected to fail" % case.id())
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

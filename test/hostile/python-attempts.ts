/** A driver in Python that tries every way out of its sandbox, by Python's own means and past them, by the C library. */

export const pythonAttempts = {
  files: [
    "read_key",
    "read_passwd",
    "read_root",
    "read_proc",
    "read_environ",
    "read_devices",
    "read_by_libc",
    "write_tmp",
    "write_pack",
    "write_by_libc",
    "link_out",
  ],
  network: [
    "tcp",
    "tcp_by_libc",
    "udp",
    "unix_socket",
    "lookup",
    "http_library",
    "raw_socket",
    "netlink",
    "vsock",
    "vsock_by_libc",
    "listen",
  ],
  processes: [
    ...[
      "fork",
      "fork_by_libc",
      "vfork_by_syscall",
      "clone3_by_syscall",
      "clone_by_syscall",
      "subprocess_run",
      "os_system",
    ],
    ...[
      "posix_spawn",
      "multiprocess",
      "kill_parent",
      "kill_all",
      "kill_by_libc",
      "trace",
      "unshare",
      "mount",
      "setuid",
    ],
    ...["io_uring", "keys", "raise_limit", "hook_removal"],
  ],
  /** Memory that is not the process's own, so that what it holds resident says nothing of it. */
  memory: [
    ...["shared_mapping", "shared_by_libc", "system_v_memory", "system_v_messages", "message_queue"],
    ...["page_tables", "memory_file", "pages_in_a_pipe", "thousands_of_threads"],
  ],
} as const;

export const pythonEscapeDriver = `
import ctypes
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def syscall(number, *args):
    return checked(libc.syscall(ctypes.c_long(number), *args))


def child(pid):
    if pid == 0:
        os._exit(0)
    return "forked %d" % pid


class Tries:
    def __init__(self, facts):
        self.facts = facts

    def read_key(self): return open(self.facts["file"]).read()
    def read_passwd(self): return open("/etc/passwd").read()
    def read_root(self): return str(os.listdir("/root") + os.listdir("/home"))
    def read_proc(self): return open("/proc/1/environ").read() + str(os.listdir("/proc"))
    def read_environ(self):
        if set(os.environ) <= {"HOME"}: raise OSError("empty")
        return str(dict(os.environ))
    def read_devices(self):
        if set(os.listdir("/dev")) <= {"null", "urandom"}: raise OSError("nothing but these")
        return str(os.listdir("/dev"))
    def read_by_libc(self):
        fd = checked(libc.open(self.facts["file"].encode(), 0))
        return os.read(fd, 100)
    def write_tmp(self): return open("/tmp/switchyard-hostile-canary", "w").write("x")
    def write_pack(self): return open("/pack/written.py", "w").write("x")
    def write_by_libc(self): return checked(libc.open(b"/pack/written.py", os.O_WRONLY | os.O_CREAT, 0o666))
    def link_out(self):
        os.symlink(self.facts["file"], "/pack/link")
        return open("/pack/link").read()

    def tcp(self): return socket.create_connection(("127.0.0.1", self.facts["port"]), 1)
    def tcp_by_libc(self):
        fd = checked(libc.socket(2, 1, 0))
        port = self.facts["port"]
        address = bytes([2, 0, port >> 8, port & 255, 127, 0, 0, 1]) + bytes(8)
        return checked(libc.connect(fd, address, 16))
    def udp(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        return sock.sendto(b"x", ("127.0.0.1", self.facts["udpPort"]))
    def unix_socket(self):
        sock = socket.socket(socket.AF_UNIX)
        return sock.connect(self.facts["socket"])
    def lookup(self): return socket.getaddrinfo("localhost", 80)
    def http_library(self):
        from urllib.request import urlopen
        return urlopen("http://127.0.0.1:%d/" % self.facts["port"], timeout=1).read()
    def raw_socket(self): return socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
    def netlink(self): return socket.socket(16, socket.SOCK_RAW, 0)
    def vsock(self): return socket.socket(40, socket.SOCK_STREAM)
    def vsock_by_libc(self): return checked(libc.socket(40, 1, 0))
    def listen(self):
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        return sock

    def fork(self): return child(os.fork())
    def fork_by_libc(self): return child(checked(libc.fork()))
    def vfork_by_syscall(self): return child(syscall(58 if os.uname().machine == "x86_64" else 220, 17, 0))
    def clone3_by_syscall(self): return child(syscall(435, (ctypes.c_uint64 * 8)(0, 0, 0, 0, 17), 64))
    def clone_by_syscall(self): return child(syscall(56 if os.uname().machine == "x86_64" else 220, 17, 0, 0, 0, 0))
    def subprocess_run(self): return subprocess.run([sys.executable, "-c", "1"], check=True)
    def os_system(self):
        if os.system("id") != 0: raise OSError("no shell")
        return "ran"
    def posix_spawn(self): return os.posix_spawn(sys.executable, [sys.executable, "-c", "1"], {})
    def multiprocess(self):
        import multiprocessing
        return multiprocessing.get_context("fork").Process(target=print).start()
    def kill_parent(self): return "signalled" + str(os.kill(self.facts["parent"], 0))
    def kill_all(self): return "signalled" + str(os.kill(-1, 0))
    def kill_by_libc(self): return checked(libc.kill(self.facts["parent"], 0))
    def trace(self): return checked(libc.ptrace(16, self.facts["parent"], 0, 0))
    def unshare(self): return checked(libc.unshare(0x10000000))
    def mount(self): return checked(libc.mount(b"proc", b"/pack", b"proc", 0, None))
    def setuid(self):
        checked(libc.setuid(0))
        return "root"
    def io_uring(self): return syscall(425, 1, (ctypes.c_char * 200)())
    def keys(self): return syscall(250 if os.uname().machine == "x86_64" else 219, 0, -3, 1)
    def shared_mapping(self):
        pages = mmap.mmap(-1, 64 << 20)
        for at in range(0, 64 << 20, 4096): pages[at] = 1
        pages.madvise(mmap.MADV_DONTNEED)
        return "64 MiB that nobody counts"
    def shared_by_libc(self):
        libc.mmap.restype = ctypes.c_void_p
        got = libc.mmap(None, ctypes.c_size_t(64 << 20), 3, 0x21, -1, ctypes.c_long(0))
        if got in (None, ctypes.c_void_p(-1).value): raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return got
    def system_v_memory(self): return syscall(29 if os.uname().machine == "x86_64" else 194, 0, 64 << 20, 0o1600)
    def system_v_messages(self): return syscall(68 if os.uname().machine == "x86_64" else 186, 0, 0o1600)
    def message_queue(self): return syscall(240 if os.uname().machine == "x86_64" else 180, b"q", 0o102, 0o600, 0)
    def page_tables(self): return len(mmap.mmap(-1, 1 << 40, mmap.MAP_PRIVATE | 0x4000, mmap.PROT_READ))
    def memory_file(self): return os.write(os.memfd_create("file"), b"x")
    def pages_in_a_pipe(self):
        class Piece(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
        bytes_ = ctypes.create_string_buffer(4096)
        piece = Piece(ctypes.addressof(bytes_), 4096)
        return syscall(278 if os.uname().machine == "x86_64" else 75, os.pipe()[1], ctypes.byref(piece), 1, 0)
    def thousands_of_threads(self):
        over = threading.Event()
        try:
            for _ in range(3000): threading.Thread(target=over.wait, daemon=True).start()
        finally: over.set()
        return "3000 threads"
    def raise_limit(self):
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        return "raised"
    def hook_removal(self):
        host = sys.modules["__main__"]
        host.Refusals._handlers = {}
        host.refusals._handlers.clear()
        return socket.create_connection(("127.0.0.1", self.facts["port"]), 1)


class D:
    def __init__(self, instance, secrets, transports):
        pass

    async def attempt(self, params):
        try:
            got = getattr(Tries(params["facts"]), params["name"])()
            return {"out": True, "said": str(got)[:200]}
        except BaseException as thrown:
            return {"out": False, "said": ("%s: %s" % (type(thrown).__name__, thrown))[:200]}

    async def surroundings(self):
        open_ = [fd for fd in range(64) if self.is_open(fd)]
        return {"env": dict(os.environ), "argv": sys.argv, "uid": os.getuid(), "gid": os.getgid(), "pid": os.getpid(), "open": open_, "root": sorted(os.listdir("/")), "threads": os.getpid()}

    def is_open(self, fd):
        try:
            os.fstat(fd)
            return True
        except OSError:
            return False
`;

// SPDX-License-Identifier: MIT
#include "opencat/process.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "opencat/windows/api.hpp"
#include "opencat/windows/wide.hpp"

namespace opencat {

namespace {

using windows::wide;

struct Closer {
  void operator()(HANDLE handle) const {
    if (handle != nullptr && handle != INVALID_HANDLE_VALUE) CloseHandle(handle);
  }
};
using Handle = std::unique_ptr<void, Closer>;

[[noreturn]] void fail(const std::string& message) {
  const std::string reason = windows::last_error().message();
  throw Error(ErrorKind::failed, message + ": " + reason, reason);
}

/// The form that the C library of every program takes apart again
/// (https://learn.microsoft.com/en-us/cpp/c-language/parsing-c-command-line-arguments).
void append_quoted(std::wstring& line, std::wstring_view word) {
  if (!line.empty()) line += L' ';
  if (!word.empty() && word.find_first_of(L" \t\n\v\"") == std::wstring_view::npos) {
    line += word;
    return;
  }
  line += L'"';
  std::size_t backslashes = 0;
  for (const wchar_t c : word) {
    if (c == L'\\') {
      ++backslashes;
      continue;
    }
    // Backslashes count twice in front of a quotation mark, and only there.
    line.append(c == L'"' ? backslashes * 2 + 1 : backslashes, L'\\');
    backslashes = 0;
    line += c;
  }
  line.append(backslashes * 2, L'\\');
  line += L'"';
}

std::wstring environment_block(const Environment& environment) {
  std::wstring block;
  for (const auto& [name, value] : environment.all()) block.append(wide(name + "=" + value)).push_back(L'\0');
  block.push_back(L'\0');
  return block;
}

/// What cmd.exe would find; a batch file is refused, for cmd.exe would read its arguments anew, by rules of
/// its own.
std::wstring program_file(const ProcessRequest& request) {
  const std::string& program = request.words.at(0);
  const std::string ending = lower(program.size() > 4 ? program.substr(program.size() - 4) : std::string());
  if (ending == ".bat" || ending == ".cmd") {
    throw Error(ErrorKind::failed, "cannot start " + program + ": it is a batch file");
  }
  if (program.find_first_of("/\\") != std::string::npos) return wide(program);
  const std::wstring folders = wide(request.environment.get("PATH").value_or(""));
  std::array<wchar_t, 4096> found;
  const DWORD size = SearchPathW(folders.c_str(), wide(program).c_str(), L".exe",
                                 static_cast<DWORD>(found.size()), found.data(), nullptr);
  if (size == 0 || size >= found.size()) fail("cannot start " + program);
  return {found.data(), size};
}

Handle nowhere(DWORD access) {
  SECURITY_ATTRIBUTES inherited{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  return Handle(
      CreateFileW(L"NUL", access, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited, OPEN_EXISTING, 0, nullptr));
}

/// A standard handle of this process, for a child; nothing where it has none.
Handle shared(DWORD which) {
  HANDLE copy = nullptr;
  const HANDLE own = GetStdHandle(which);
  if (own == nullptr || own == INVALID_HANDLE_VALUE) return nowhere(GENERIC_WRITE);
  const HANDLE self = GetCurrentProcess();
  if (!DuplicateHandle(self, own, self, &copy, 0, TRUE, DUPLICATE_SAME_ACCESS)) return nowhere(GENERIC_WRITE);
  return Handle(copy);
}

struct Pipe {
  Handle read_end;
  Handle write_end;
  void open() {
    HANDLE from = nullptr;
    HANDLE to = nullptr;
    if (!CreatePipe(&from, &to, nullptr, 0)) fail("cannot make a pipe");
    read_end.reset(from);
    write_end.reset(to);
    SetHandleInformation(to, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  }
};

/// Only these three handles are inherited, whatever else is open.
class Startup {
 public:
  Startup(HANDLE in, HANDLE out, HANDLE err) : handles_{in, out, err} {
    std::sort(handles_.begin(), handles_.end());
    const auto distinct =
        static_cast<std::size_t>(std::unique(handles_.begin(), handles_.end()) - handles_.begin());
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
    space_.resize(size);
    info.lpAttributeList = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(space_.data());
    if (!InitializeProcThreadAttributeList(info.lpAttributeList, 1, 0, &size) ||
        !UpdateProcThreadAttribute(info.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
                                   handles_.data(), distinct * sizeof(HANDLE), nullptr, nullptr)) {
      fail("cannot start a program");
    }
    info.StartupInfo.cb = sizeof info;
    info.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    info.StartupInfo.hStdInput = in;
    info.StartupInfo.hStdOutput = out;
    info.StartupInfo.hStdError = err;
  }
  Startup(const Startup&) = delete;
  Startup& operator=(const Startup&) = delete;
  ~Startup() { DeleteProcThreadAttributeList(info.lpAttributeList); }

  STARTUPINFOEXW info{};

 private:
  std::array<HANDLE, 3> handles_;
  std::vector<char> space_;
};

struct Child {
  Handle process;
  Handle job;  ///< it and all that it starts
  DWORD id = 0;
};

Child spawn(const ProcessRequest& request, Pipe& pipe) {
  const Handle in = nowhere(GENERIC_READ);
  const Handle err = request.standard_error == ProcessRequest::Stderr::discard ? nowhere(GENERIC_WRITE)
                                                                               : shared(STD_ERROR_HANDLE);
  const bool capture = request.standard_output == ProcessRequest::Stdout::capture;
  Handle out = capture ? std::move(pipe.write_end) : nullptr;
  if (request.standard_output == ProcessRequest::Stdout::inherit) out = shared(STD_OUTPUT_HANDLE);
  if (request.standard_output == ProcessRequest::Stdout::to_stderr) out = shared(STD_ERROR_HANDLE);
  Startup startup(in.get(), out.get(), err.get());

  const std::wstring program = program_file(request);
  std::wstring line;
  for (const std::string& word : request.words) append_quoted(line, wide(word));
  std::wstring variables = environment_block(request.environment);
  Child child;
  child.job.reset(CreateJobObjectW(nullptr, nullptr));
  PROCESS_INFORMATION made{};
  // A group of its own, that it can be told to end; suspended, that nothing it starts is outside the job.
  const DWORD flags =
      CREATE_UNICODE_ENVIRONMENT | CREATE_NEW_PROCESS_GROUP | CREATE_SUSPENDED | EXTENDED_STARTUPINFO_PRESENT;
  if (!CreateProcessW(program.c_str(), line.data(), nullptr, nullptr, TRUE, flags, variables.data(),
                      request.folder.empty() ? nullptr : request.folder.c_str(), &startup.info.StartupInfo,
                      &made)) {
    fail("cannot start " + request.words.at(0));
  }
  child.process.reset(made.hProcess);
  child.id = made.dwProcessId;
  const Handle thread(made.hThread);
  AssignProcessToJobObject(child.job.get(), child.process.get());
  ResumeThread(thread.get());
  return child;
}

std::string read_all(HANDLE pipe) {
  std::string bytes;
  char buffer[1 << 14];
  for (DWORD count = 0; ReadFile(pipe, buffer, sizeof buffer, &count, nullptr) && count > 0;) {
    bytes.append(buffer, count);
  }
  return bytes;
}

/// Ends the child and what it started when `stop` is requested.
class Watcher {
 public:
  Watcher(const Child& child, std::stop_token stop)
      : thread_([this, &child, stop](std::stop_token ended) { watch(child, stop, ended); }) {}

 private:
  void watch(const Child& child, const std::stop_token& stop, const std::stop_token& ended) {
    const std::stop_callback wake(stop, [this] {
      const std::lock_guard guard(mutex_);
      changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, ended, [&] { return stop.stop_requested(); });
    if (ended.stop_requested() || !stop.stop_requested()) return;
    if (GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, child.id)) {
      changed_.wait_for(lock, ended, std::chrono::seconds(5), [] { return false; });
    }
    if (!ended.stop_requested()) TerminateJobObject(child.job.get(), 130);
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;
};

}  // namespace

ProcessResult run_process(const ProcessRequest& request, std::stop_token stop) {
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
  const bool capture = request.standard_output == ProcessRequest::Stdout::capture;
  Pipe pipe;
  if (capture) pipe.open();
  const Child child = spawn(request, pipe);
  ProcessResult result;
  {
    const Watcher watcher(child, stop);
    if (capture) result.output = read_all(pipe.read_end.get());
    WaitForSingleObject(child.process.get(), INFINITE);
  }
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
  DWORD code = 0;
  GetExitCodeProcess(child.process.get(), &code);
  result.exit_code = static_cast<int>(code);
  return result;
}

}  // namespace opencat

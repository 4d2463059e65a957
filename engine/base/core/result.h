#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace switchyard {

/// What kind of failure an Error reports. Decides the exit code (app/exit_codes.h).
enum class ErrorCode {
  kUsage,        ///< unknown command, option or preset name
  kConfig,       ///< a configuration that does not parse or does not validate
  kInputFile,    ///< a data, tokenizer, weight or run file that is missing, damaged or unsuitable
  kNumerics,     ///< non-finite loss or gradient that the guard could not get past
  kDiskFull,     ///< no space left, or quota reached
  kBusy,         ///< another process holds the run
  kOutOfMemory,  ///< device or host memory
  kStopped,      ///< stopped on request
  kIo,           ///< any other operating-system failure on a file or socket
  kUnavailable,  ///< a device, display or peer process that is not there
  kInternal,     ///< our own broken promise
};

/// A failure, in the words a person needs: where, what was expected and found, what to do.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string where;                 ///< JSON pointer, relative path or tensor name
  std::string message;               ///< what was expected, what was found
  std::string hint;                  ///< what to do next; may be empty
  std::vector<std::string> context;  ///< added while returning, innermost first

  /// One line for people: `where: message hint (while …)`.
  [[nodiscard]] std::string text() const;
};

/// The name of a code as used in JSON ("config", "disk_full", …).
const char* error_code_name(ErrorCode code);

/// A value or an Error. `[[nodiscard]]`: every failure is handled or passed on, exactly once.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {
  }  // NOLINT(google-explicit-constructor) reads like a return value

  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return state_.index() == 0; }

  explicit operator bool() const { return ok(); }

  T& value() & { return std::get<0>(state_); }

  const T& value() const& { return std::get<0>(state_); }

  T&& value() && { return std::get<0>(std::move(state_)); }

  T& operator*() & { return value(); }

  const T& operator*() const& { return value(); }

  T* operator->() { return &value(); }

  const T* operator->() const { return &value(); }

  Error& error() & { return std::get<1>(state_); }

  const Error& error() const& { return std::get<1>(state_); }

  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;

  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return !error_.has_value(); }

  explicit operator bool() const { return ok(); }

  Error& error() & { return *error_; }

  const Error& error() const& { return *error_; }

  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

/// Adds a line of context to an error that is being passed on.
Error with_context(Error error, std::string context);

}  // namespace switchyard

/// Returns the error of `expr` from the calling function, if it has one.
#define SY_RETURN_IF_ERROR(expr)                    \
  do {                                              \
    if (auto sy_status = (expr); !sy_status.ok()) { \
      return std::move(sy_status).error();          \
    }                                               \
  } while (false)

#define SY_CONCAT_INNER(a, b) a##b
#define SY_CONCAT(a, b) SY_CONCAT_INNER(a, b)

/// `SY_ASSIGN_OR_RETURN(auto x, f());` assigns the value or returns the error.
#define SY_ASSIGN_OR_RETURN(declaration, expr) \
  SY_ASSIGN_OR_RETURN_IMPL(SY_CONCAT(sy_result_, __LINE__), declaration, expr)
#define SY_ASSIGN_OR_RETURN_IMPL(temporary, declaration, expr) \
  auto temporary = (expr);                                     \
  if (!temporary.ok()) return std::move(temporary).error();    \
  declaration = std::move(temporary).value()

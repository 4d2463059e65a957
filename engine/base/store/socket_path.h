#pragma once

#include <string>

#include "engine/base/core/result.h"

namespace switchyard::store {

/// Bytes of a Unix socket path that an address holds, without the closing zero.
inline constexpr std::size_t kMaxSocketPathBytes = 107;

/// Writes run.sock.path where the run folder's own path is too long for a socket, and removes one
/// that another place of the folder left behind. Called by the lock holder.
///
/// Errors: kIo, kDiskFull; kIo when the runtime folder belongs to somebody else.
Status name_socket_path(const std::string& root);

}  // namespace switchyard::store

#pragma once

#include <string>
#include <string_view>

#include "engine/base/core/result.h"
#include "engine/base/routing/routing_probe.h"

namespace switchyard::store {

/// Bytes of a probe: "SYPROBE1", then numbers as base-128 varints, tables as pairs (zeros before,
/// value), coactivation as its upper half, expert numbers in one byte where E is at most 255.
std::string bytes_from_probe(const routing::RoutingProbe& probe);

/// Errors: kInputFile when the bytes are no probe or say more than they can hold.
/// Limits: tables as in routing_probe.h.
Result<routing::RoutingProbe> probe_from_bytes(std::string_view bytes, const std::string& path);

}  // namespace switchyard::store

#pragma once

#include <string>
#include <vector>

namespace switchyard::ui {

struct Tick {
  double value = 0.0;
  std::string label;
};

/// Round tick values (1, 2, 2.5, 5 times a power of ten) inside [min, max], with labels that share
/// their number of decimals. Limits: at most `max_count` ticks; empty when the range is not finite.
std::vector<Tick> linear_ticks(double min, double max, int max_count);

/// Powers of ten, with 2 and 5 between them when there is room. Needs 0 < min < max.
std::vector<Tick> log_ticks(double min, double max, int max_count);

/// Ticks of a training time axis in seconds: round seconds, minutes, hours.
std::vector<Tick> duration_ticks(double min, double max, int max_count);

/// Short form with k, M, G, T after a thin space: 12.3 k. Real minus sign. For headlines and axes.
std::string short_number(double value, int digits = 3);

/// Full digits with commas: 12,340.
std::string grouped_number(long long value);

/// `digits` significant digits, 2.41e-4 below 1e-3 and above 1e6; "–" when not a number.
std::string plain_number(double value, int digits = 4);

/// "3 min 20 s", "1 h 52", "45 s".
std::string duration_text(double seconds);

/// "310 MB", "17.9 GB" (powers of 1000).
std::string bytes_text(double bytes);

/// Whether bytes_text counts in 1024 (GiB) instead of 1000 (GB). Main thread.
void use_binary_bytes(bool is_binary);

}  // namespace switchyard::ui

#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "engine/base/store/run_folder.h"

namespace switchyard::store {

/// A run as a table of runs shows it: the summary, and what has to be read from its curves.
/// Numbers that are not known are NaN.
struct RunOverview : RunSummary {
  double best_val_loss = std::numeric_limits<double>::quiet_NaN();
  std::int64_t best_step = -1;
  double bits_per_byte = std::numeric_limits<double>::quiet_NaN();  ///< of best_val_loss
  double tokens_per_second = std::numeric_limits<double>::quiet_NaN();
  double seconds = 0.0;  ///< of training, over all lives
  std::int64_t tokens = 0;
  double flops = 0.0;
  std::int64_t params_total = 0;
  std::int64_t params_active = 0;
  std::string data;               ///< name of the data set or of the text file
  std::string device;             ///< of the last start
  std::vector<std::string> tags;  ///< that the run brings along (tags.json)
  std::vector<float> loss_curve;  ///< train_loss, at most kMostCurvePoints means in order of step

  static constexpr std::size_t kMostCurvePoints = 60;
};

/// Reads one run, opening its database once more than summarize_run.
///
/// Math:   bits per byte = loss / ln 2 where each token is one byte (byte tokenizer, or characters
///         that all are ASCII); elsewhere unknown.
/// Limits: of a series with more than 64 chunks (262,144 samples) the curve takes every n-th chunk.
/// Errors: as summarize_run: a state "damaged" with the reason.
RunOverview read_run_overview(const std::string& root);

/// The median of a recorded scalar over all steps that count (of two in the middle the mean); NaN
/// where there is none. Limits: as the curve of an overview.
double median_of_metric(const std::string& root, const char* metric);

}  // namespace switchyard::store

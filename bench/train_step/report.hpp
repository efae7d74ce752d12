// SPDX-License-Identifier: MIT
// What train_step tells of a measurement to programs: a JSON object.
#pragma once

#include "request.hpp"

#include <string>

namespace train_step {

/// Writes the object that bench/gpu_report.py reads.
///
/// errors   FileError
void write_json(const std::string& file, const Request& request, const Measured& measured, const std::string& commit);

}  // namespace train_step

// SPDX-License-Identifier: MIT
// What train_step tells of a measurement: lines for people, and a JSON object.
#pragma once

#include "request.hpp"

#include <string>

namespace train_step {

void print_report(const Request& request, const Measured& measured);

/// Writes the object that bench/gpu_report.py reads.
///
/// errors   FileError
void write_json(const std::string& file, const Request& request, const Measured& measured, const std::string& commit);

}  // namespace train_step

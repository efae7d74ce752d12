// SPDX-License-Identifier: MIT
// What an operation of a micro-step took, what a run is asked for, and the devices that this program was built with.
#pragma once

#include "../../examples/common/place.hpp"
#include "../sample.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace operations {

struct Outcome;

struct Request {
    common::Place place;
    std::vector<std::string> sizes{"small"};
    std::size_t batch = 16;       ///< sequences
    std::size_t sequence = 1024;  ///< tokens
    std::string only;             ///< those whose name contains it; empty for all
    std::size_t warm_ups = 10;
    std::size_t repetitions = 50;
    double seconds = 0.5;  ///< that an operation is measured for, unless five calls take longer
    std::function<void(const Outcome&)> after_each;  ///< what is known after each operation, lest a kill lose it
};

/// What one call does, each tensor that is read and each that is written counted once.
struct Cost {
    double flops = 0;  ///< of matrix products and attention, which matrix units do
    double bytes = 0;
};

struct Measured {
    std::string size;
    std::string name;
    std::string shape;
    Cost cost;
    bench::Sample seconds;  ///< of one call, each the mean of a group of calls
    std::size_t calls = 0;
};

struct Outcome {
    std::string backend;  ///< its description
    std::string device;   ///< its name alone
    std::vector<Measured> measured;
};

/// Each device's source enters itself here.
struct Runner {
    common::Device device;
    Outcome (*run)(const Request&);
};

class Runners {
public:
    static std::vector<Runner>& all() {
        static std::vector<Runner> runners;
        return runners;
    }
    explicit Runners(Runner runner) { all().push_back(runner); }
};

}  // namespace operations

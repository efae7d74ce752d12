// SPDX-License-Identifier: MIT
// What a measurement is asked for and what it finds, and the model types that this program was built with.
#pragma once

#include "../../examples/common/place.hpp"
#include "../sample.hpp"

#include <lamina/core/extent.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace train_step {

struct Measured;

struct Request {
    common::Place place;
    std::string size = "small";
    std::string execution = "merged";
    std::optional<std::string> recompute;  ///< none or block; the first that fits
    std::optional<std::size_t> batch;      ///< sequences per micro-batch; the size's own
    std::optional<std::size_t> sequence;   ///< tokens; the size's own
    std::size_t accumulation = 2;          ///< micro-batches per optimiser step
    std::size_t steps = 5;
    std::size_t warm_up = 1;
    std::string algorithms;            ///< a file of their table, read where it is there and written at the end
    std::optional<double> time_limit;  ///< seconds since the start: no step is begun that would end later
    bench::Stopwatch since_start;
    std::function<void(const Measured&)> after_step;  ///< what is known after each measured step, lest a kill lose it
};

/// What does not depend on how the clock runs: of the model type, the extent and the place.
struct Facts {
    std::string backend;  ///< its description
    std::string device;   ///< its name alone
    std::string precision;
    std::string recompute;
    std::string gradients;
    lamina::Extent extent{};
    std::size_t plan_bytes = 0;
    double flops_per_micro_batch = 0;
    double flops_once = 0;
    double mfu_flops_per_token = 0;  ///< 6·N + 6·L·C·T
};

struct Measured {
    Facts facts;
    double loss = 0;              ///< of the first step, nats
    std::vector<double> seconds;  ///< of each measured step
    bench::Sample whole;          ///< the same, and its two parts
    bench::Sample micro_batches;
    bench::Sample once;
    std::size_t peak_bytes = 0;
    std::size_t scratch_bytes = 0;
    double best_product = 0;  ///< FLOP/s of the best single product here; 0 where none was measured
    std::string outcome = "measured";
};

/// One model type. Those that differ in nothing that flags say are entered from the quickest to the smallest.
struct Entry {
    common::Device device;
    std::string size;
    std::string execution;
    std::string recompute;
    lamina::Extent usual;  ///< where the request leaves it open
    std::size_t context;
    bool (*fits)(const Request&, lamina::Extent);            ///< whether its plan fits the memory of the place
    void (*run)(const Request&, lamina::Extent, Measured&);  ///< fills what it can, also when it throws
};

/// Each model type of a size is instantiated in the source of the size and enters itself here.
class Entries {
public:
    static std::vector<Entry>& all() {
        static std::vector<Entry> entries;
        return entries;
    }
    explicit Entries(const std::vector<Entry>& entries) { all().insert(all().end(), entries.begin(), entries.end()); }
};

}  // namespace train_step

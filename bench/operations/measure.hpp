// SPDX-License-Identifier: MIT
// Measurement: calls of one operation on operands that are not in any cache, repeated and timed in groups.
#pragma once

#include "../backend.hpp"
#include "operation.hpp"

#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace operations {

/// `normals` as elements of another type, times `scale`.
template <class T>
[[nodiscard]] std::vector<T> scaled(const std::vector<float>& normals, double scale) {
    std::vector<T> some(normals.size());
    std::transform(normals.begin(), normals.end(), some.begin(), [&](float value) {
        return static_cast<T>(static_cast<lamina::ComputeOf<T>>(static_cast<float>(scale) * value));
    });
    return some;
}

/// A matrix whose rows begin `stride` elements apart.
struct Strided {
    std::size_t rows;
    std::size_t cols;
    std::size_t stride;
};

/// As many copies of an operand as its operation cycles through, each filled with `values` over and over.
template <class B, class T>
class Operand {
public:
    Operand(B& backend, Strided shape, std::size_t copies, const std::vector<T>& values) : shape_(shape) {
        const std::size_t count = shape.rows * shape.stride;
        for (std::size_t copy = 0; copy < copies; ++copy) {
            memory_.push_back(backend.allocate(count * sizeof(T)));
            for (std::size_t first = 0; first < count; first += values.size()) {
                const std::size_t here = std::min(values.size(), count - first);
                backend.upload(data(copy) + first, values.data(), here * sizeof(T));
            }
        }
    }

    [[nodiscard]] T* data(std::size_t call) { return reinterpret_cast<T*>(memory_[call % memory_.size()].data()); }
    [[nodiscard]] lamina::MatrixView<T> view(std::size_t call) {
        return {data(call), shape_.rows, shape_.cols, shape_.stride};
    }
    [[nodiscard]] lamina::MatrixView<const T> input(std::size_t call) { return view(call); }
    /// The numbers of the one row that there is, one for each token.
    [[nodiscard]] lamina::Rows<T, 1> column(std::size_t call) { return {data(call), shape_.cols}; }

private:
    Strided shape_;
    std::vector<typename B::Memory> memory_;
};

/// Runs requests of one size, and keeps what they took.
template <class B>
class Measurement {
public:
    Measurement(B& backend, const Request& request, std::string size, const std::vector<float>& normals,
                Outcome& outcome)
        : backend_(backend), request_(request), size_(std::move(size)), normals_(normals), outcome_(outcome) {}

    [[nodiscard]] B& backend() { return backend_; }
    [[nodiscard]] bool wanted(const std::string& name) const { return name.find(request_.only) != std::string::npos; }
    [[nodiscard]] bool any_wanted(std::initializer_list<std::string> names) const {
        return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return wanted(name); });
    }

    /// So many copies of operands of `bytes` in all are more than twice what caches hold: those of an H200 60 MB, those
    /// of a CPU less.
    [[nodiscard]] static std::size_t copies(double bytes) {
        constexpr double more_than_caches = 128e6;
        return static_cast<std::size_t>(std::ceil(more_than_caches / bytes)) + 1;
    }

    template <class T>
    [[nodiscard]] Operand<B, T> operand(std::size_t rows, std::size_t cols, std::size_t copies, double scale = 1) {
        return operand<T>(Strided{rows, cols, cols}, copies, scale);
    }
    template <class T>
    [[nodiscard]] Operand<B, T> operand(Strided shape, std::size_t copies, double scale = 1) {
        return {backend_, shape, copies, scaled<T>(normals_, scale)};
    }

    /// Times `request(call)`, which is on the copies of that number, unless nobody wants to know.
    template <class RequestOf>
    void time(const std::string& name, const std::string& shape, const RequestOf& request) {
        if (!wanted(name)) return;
        const auto first = request(0);
        time(name, shape, {first.flops(), first.bytes()},
             [&](std::size_t call) { static_cast<void>(backend_.run(request(call))); });
    }

private:
    void time(const std::string& name, const std::string& shape, Cost cost,
              const std::function<void(std::size_t)>& queue) {
        std::size_t call = 0;
        const auto seconds_of_group = [&](std::size_t calls) {
            return bench::seconds_of([&] {
                for (std::size_t i = 0; i < calls; ++i) queue(call++);
                bench::finish(backend_);
            });
        };
        seconds_of_group(1);  // chooses and allocates what it needs, which takes long
        const double one = seconds_of_group(1);
        // In groups, since asking the device whether it is done costs as much as a small operation.
        constexpr std::size_t groups = 5;
        const auto within = static_cast<std::size_t>(request_.seconds / groups / one);
        const std::size_t in_group = std::clamp<std::size_t>(within, 1, (request_.repetitions + groups - 1) / groups);
        seconds_of_group(std::min(request_.warm_ups, groups * in_group));
        Measured measured{.size = size_, .name = name, .shape = shape, .cost = cost, .seconds = {}};
        for (std::size_t group = 0; group < groups; ++group) {
            measured.seconds.add(seconds_of_group(in_group) / static_cast<double>(in_group));
        }
        measured.calls = groups * in_group;
        outcome_.measured.push_back(std::move(measured));
        request_.after_each(outcome_);
    }

    B& backend_;
    const Request& request_;
    std::string size_;
    const std::vector<float>& normals_;
    Outcome& outcome_;
};

[[nodiscard]] inline std::string shape_text(std::size_t m, std::size_t k, std::size_t n) {
    return std::to_string(m) + " x " + std::to_string(k) + " x " + std::to_string(n);
}
[[nodiscard]] inline std::string shape_text(std::size_t rows, std::size_t cols) {
    return std::to_string(rows) + " x " + std::to_string(cols);
}

/// Bytes of so many scalars.
template <class T>
[[nodiscard]] double bytes_of(std::size_t count) {
    return static_cast<double>(count * sizeof(T));
}

}  // namespace operations

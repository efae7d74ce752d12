// SPDX-License-Identifier: MIT
// RecordingBackend: a CPU backend whose `replay` keeps the operations of each key and repeats them, as a GPU's graphs do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lamina/arch/policy.hpp>
#include <lamina/backend/backend_of.hpp>
#include <lamina/backend/cpu/backend.hpp>

namespace lamina_tests {

/// Repeats closures over the operations' arguments: what the host did besides queueing does not happen again. Work that
/// allocates, uploads or downloads is an error.
class RecordingBackend : public lamina::CpuBackend {
    using Cpu = lamina::CpuBackend;

public:
    using Key = std::vector<std::uint64_t>;

    RecordingBackend() : Cpu({.threads = 2}) {}

    /// Every key that was asked for, in order.
    std::vector<Key> keys{};
    /// Calls that repeated what had been queued before.
    std::size_t repeated = 0;

    template <class F>
    void replay(std::span<const std::uint64_t> words, const F& enqueue) {
        Key key(words.begin(), words.end());
        keys.push_back(key);
        const auto found = recordings_.find(key);
        if (found != recordings_.end()) {
            for (const auto& operation : found->second) operation();
            ++repeated;
            return;
        }
        std::vector<std::function<void()>> operations;
        recording_ = &operations;
        try {
            enqueue();
        } catch (...) {
            recording_ = nullptr;
            throw;
        }
        recording_ = nullptr;
        recordings_.emplace(std::move(key), std::move(operations));
    }

    [[nodiscard]] Memory allocate(std::size_t bytes) {
        refuse("allocates");
        return Cpu::allocate(bytes);
    }
    void upload(void* to, const void* from, std::size_t bytes) {
        refuse("uploads");
        Cpu::upload(to, from, bytes);
    }
    void download(void* to, const void* from, std::size_t bytes) {
        refuse("downloads");
        Cpu::download(to, from, bytes);
    }

    // Arguments are views and small structs: they are kept by value.
    template <class Out, class Value>
    void fill(lamina::MatrixView<Out> out, Value value) {
        keep([=, this] { Cpu::fill(out, value); });
    }
    template <class Out, class In>
    void convert(lamina::MatrixView<Out> out, lamina::MatrixView<In> in) {
        keep([=, this] { Cpu::convert(out, in); });
    }
    template <class Out, class Lhs, class Rhs>
    void matmul(lamina::MatrixView<Out> out, lamina::MatrixView<Lhs> lhs, lamina::MatrixView<Rhs> rhs,
                lamina::MatmulOptions options = {}) {
        keep([=, this] { Cpu::matmul(out, lhs, rhs, options); });
    }
    template <class Out, class Lhs, class Rhs, class Bias, class Base>
    void affine_product(const lamina::AffineProduct<Out, Lhs, Rhs, Bias, Base>& request) {
        keep([=, this] { Cpu::affine_product(request); });
    }
    template <class Out, class Lhs, class Rhs>
    void matmul_gelu_backward(const lamina::GeluBackwardProduct<Out, Lhs, Rhs>& request) {
        keep([=, this] { Cpu::matmul_gelu_backward(request); });
    }
    template <class Out, class F, class... In>
    void map(lamina::MatrixView<Out> out, const F& f, lamina::MatrixView<In>... in) {
        keep([=, this] { Cpu::map(out, f, in...); });
    }
    template <class Out, class F, class... In>
    void sum_rows(lamina::MatrixView<Out> out, lamina::Write write, const F& f, lamina::MatrixView<In>... in) {
        keep([=, this] { Cpu::sum_rows(out, write, f, in...); });
    }
    template <class Out, class In>
    void gather_rows(lamina::MatrixView<Out> out, lamina::MatrixView<In> in, const std::size_t* rows) {
        keep([=, this] { Cpu::gather_rows(out, in, rows); });
    }
    template <class Out, class In>
    void scatter_rows(lamina::MatrixView<Out> out, lamina::MatrixView<In> in, const std::size_t* rows) {
        keep([=, this] { Cpu::scatter_rows(out, in, rows); });
    }

    template <class Request>
    void row_moments(const Request& request) {
        keep([=, this] { Cpu::row_moments(request); });
    }
    template <class Request>
    void normalise(const Request& request) {
        keep([=, this] { Cpu::normalise(request); });
    }
    template <class Request>
    void normalise_rows(const Request& request) {
        keep([=, this] { Cpu::normalise_rows(request); });
    }
    template <class Request>
    void normalise_backward(const Request& request) {
        keep([=, this] { Cpu::normalise_backward(request); });
    }
    template <class Request>
    void divisor_rows(const Request& request) {
        keep([=, this] { Cpu::divisor_rows(request); });
    }
    template <class Request>
    void mean_over_tokens(const Request& request) {
        keep([=, this] { Cpu::mean_over_tokens(request); });
    }
    template <class Request>
    void deviation_penalty_backward(const Request& request) {
        keep([=, this] { Cpu::deviation_penalty_backward(request); });
    }
    template <class Request>
    void embed(const Request& request) {
        keep([=, this] { Cpu::embed(request); });
    }
    template <class Request>
    void embed_backward(const Request& request) {
        keep([=, this] { Cpu::embed_backward(request); });
    }
    template <class Request>
    void attention(const Request& request) {
        keep([=, this] { Cpu::attention(request); });
    }
    template <class Request>
    void attention_backward(const Request& request) {
        keep([=, this] { Cpu::attention_backward(request); });
    }
    template <class Request>
    void softmax_cross_entropy(const Request& request) {
        keep([=, this] { Cpu::softmax_cross_entropy(request); });
    }

private:
    template <class Operation>
    void keep(const Operation& operation) {
        operation();
        if (recording_ != nullptr) recording_->push_back(operation);
    }
    void refuse(const char* what) const {
        if (recording_ != nullptr) throw std::logic_error(std::string("work that may be repeated ") + what);
    }

    std::vector<std::function<void()>>* recording_ = nullptr;
    std::map<Key, std::vector<std::function<void()>>> recordings_{};
};

/// The policy that stands for it.
struct Recorded {
    using answers = lamina::question::Device;
};

}  // namespace lamina_tests

template <>
struct lamina::BackendOf<lamina_tests::Recorded> {
    using type = lamina_tests::RecordingBackend;
};

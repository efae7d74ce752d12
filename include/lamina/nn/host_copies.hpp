// SPDX-License-Identifier: MIT
// HostCopies: tensors of a model in double on the host, a linear layer as what it computes, adapter included.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include <lamina/arch/precision.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>

namespace lamina {

/// y = x·W + c in double on the host.
struct Affine {
    std::size_t in;
    std::size_t out;
    std::vector<double> weight;  ///< [in, out]
    std::vector<double> bias;    ///< [out]
};

/// Moves tensors between a backend and double on the host.
template <class B>
class HostCopies {
public:
    explicit HostCopies(B& backend) : backend_(backend) {}

    template <class T>
    [[nodiscard]] std::vector<double> read(const T* values, std::size_t count) const {
        using Scalar = std::remove_const_t<T>;
        std::vector<Scalar> stored(count);
        backend_.download(stored.data(), values, count * sizeof(Scalar));
        std::vector<double> result(count);
        std::transform(stored.begin(), stored.end(), result.begin(),
                       [](Scalar value) { return static_cast<double>(static_cast<ComputeOf<Scalar>>(value)); });
        return result;
    }

    /// Rounds to T on the way.
    template <class T>
    void write(std::span<const double> values, T* out) const {
        std::vector<T> stored(values.size());
        std::transform(values.begin(), values.end(), stored.begin(),
                       [](double value) { return static_cast<T>(static_cast<ComputeOf<T>>(value)); });
        backend_.upload(out, stored.data(), stored.size() * sizeof(T));
    }

    /// weight += scale·A·B, the product being the backend's in the type `Compute`, in which a model forms it.
    template <class Compute, class T>
    void add_product(std::vector<double>& weight, double scale, const MatrixView<T>& a, const MatrixView<T>& b) const {
        auto memory = backend_.allocate(weight.size() * sizeof(Compute));
        const MatrixView<Compute> product(reinterpret_cast<Compute*>(memory.data()), a.rows, b.cols);
        backend_.run(
            Matmul<Compute, std::remove_const_t<T>, std::remove_const_t<T>>{.out = product, .lhs = a, .rhs = b});
        const std::vector<double> host = read(product.data, product.size());
        for (std::size_t i = 0; i < host.size(); ++i) weight[i] += scale * host[i];
    }

    /// With the adapter of the policies `P`, if the layer has one.
    template <class P, class Linear>
    [[nodiscard]] Affine read_linear(const Linear& linear) const {
        Affine result{Linear::in, Linear::out, read(linear.weight.values.data, Linear::in * Linear::out),
                      read(linear.bias.values.data, Linear::out)};
        if constexpr (P::Adapter::present && requires { linear.adapter.a; }) {
            add_product<typename P::Compute>(result.weight, P::Adapter::scale, linear.adapter.a.values.erased(),
                                             linear.adapter.b.values.erased());
        }
        return result;
    }

    template <class Linear>
    void write_linear(const Affine& affine, Linear& linear) const {
        write(std::span<const double>(affine.weight), linear.weight.values.data);
        write(std::span<const double>(affine.bias), linear.bias.values.data);
    }

private:
    B& backend_;
};

}  // namespace lamina

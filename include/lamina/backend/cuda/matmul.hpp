// SPDX-License-Identifier: MIT
// The GPU's matrix products: cuBLASLt's wherever it has one, and whatever else by bringing it to one of those.
//
// Direct: one call of the library on the caller's own memory, no kernel of ours. N tokens, In, Out, C, V as in GPT-2.
//
// | product                                   | lhs, rhs     | out   | in the same call                          |
// |-------------------------------------------|--------------|-------|-------------------------------------------|
// | y = x·W + b                               | bf16, bf16   | bf16  | bias bf16                                 |
// | y = x·W + b + base (a residual stream)    | bf16, bf16   | float | base float; b: see below                  |
// | gelu(x·W + b), keeping what went in       | bf16, bf16   | bf16  | bias bf16, base bf16, pre_activation bf16 |
// | d_x = dy·Wᵀ, added to or not              | bf16, bf16   | bf16  | base bf16                                 |
// | the same times gelu's slope: see below    | bf16, bf16   | bf16  | base bf16, pre_activation bf16            |
// | d_W += xᵀ·dy                              | bf16, bf16   | float | base float (out itself)                   |
// | logits = h·wteᵀ                           | bf16, bf16   | float |                                           |
// | d_h = d_logits·wte                        | bf16, bf16   | bf16  |                                           |
// | A·B, G·Bᵀ, Aᵀ·G in fp32 or tf32           | float, float | float | base float                                |
// | anything all double                       | double       | double| base double                               |
//
// A bf16 matrix is direct if its rows start at multiples of 16 bytes. A bias of bf16 beside an out of float becomes a
// row of float first, a small kernel. With bf16x3 and bf16x6 float operands are split into bf16 parts in scratch; the
// products of those write the caller's out. There an infinite operand gives NaN, where fp32 may give infinity.
//
// Everything else goes through scratch: bf16 operands that are not so aligned are copied; with one operand of bf16 and
// one of float the former becomes float (or, where floats are split, its own only part); operands of another type than
// the sum are converted; and where out, bias, base or gelu are not as above, the sums are made in ComputeOf the output
// type, and a kernel finishes them (finish.hpp). If the library has no algorithm for a direct product, the same ways
// are tried in turn; Blas counts the products made in each (CudaBackend::products_made). So a result is rounded once
// however it is made.
//
// An epilogue may be a second pass inside the library, no better than ours, which leaves it more algorithms to choose
// from. So where algorithms are timed, a direct product of bf16 with a bias or a gelu is timed both ways, and if the
// sums with `finish` after them are quicker, its problem is left without an algorithm, in the table that a run keeps as
// well (algorithms.hpp). A base alone is no epilogue: every product of the library reads what it adds to. Where nothing
// is timed, what can be direct is.
//
// The library's gelu is taken to be the tanh form, GPT-2's. Its manual does not say which it is; programs that train
// GPT-2 with it, and compilers that map the tanh form to it, rely on the same; the conformance suite tells the two
// apart (tests/backend/conformance/gelu_form.hpp). It is taken of the sum before that is rounded to what pre_activation
// keeps, which differs from the contract by less than the rounding itself. And its slope is taken to multiply the whole
// sum, base included, where a product is added to: the manual does not say on which side of the epilogue that addition
// is. The conformance suite would show it (tests/backend/conformance/affine.hpp, GeluBackwardProduct with
// Write::accumulate).
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/blas.hpp>
#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/finish.hpp>
#include <lamina/backend/cuda/float_products.hpp>
#include <lamina/backend/cuda/memory.hpp>
#include <lamina/backend/cuda/operands.hpp>
#include <lamina/backend/cuda/product.hpp>
#include <lamina/backend/cuda/timing.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cuda {

namespace detail {

/// What all products come down to: z = scale · op(lhs) · op(rhs) + bias + base, then as in Finish.
template <class Out, class Lhs, class Rhs, class Bias, class Base>
struct FullProduct {
    const char* what;
    MatrixView<Out> out;
    MatrixView<const Lhs> lhs;
    MatrixView<const Rhs> rhs;
    Transpose lhs_as = Transpose::no;
    Transpose rhs_as = Transpose::no;
    double scale = 1;
    const Bias* bias = nullptr;
    MatrixView<const Base> base{};
    MatrixView<Out> pre_activation{};
    MatrixView<const Out> slope_at{};

    [[nodiscard]] bool activates() const { return !pre_activation.empty() || !slope_at.empty(); }
    [[nodiscard]] bool in_place() const { return !base.empty() && static_cast<const void*>(base.data) == out.data; }
};

/// The type in which operands are multiplied.
template <class Out, class Lhs, class Rhs>
using ElementOf =
    std::conditional_t<std::is_same_v<Out, double>, double,
                       std::conditional_t<std::is_same_v<Lhs, bf16> && std::is_same_v<Rhs, bf16>, bf16, float>>;

template <class Out, class Lhs, class Rhs, class Bias, class Base>
class ProductMaker {
public:
    using Request = FullProduct<Out, Lhs, Rhs, Bias, Base>;

    ProductMaker(Device& device, const Request& request) : context_(device), blas_(device.blas), request_(request) {}

    void run() const {
        if (request_.out.size() == 0) return;
        if (depth() == 0) return finish_sum({});
        if constexpr (std::is_same_v<Element, bf16>) {
            if (way_is_open()) choose_way();
        }
        for (const Way way : {Way::direct, Way::finished, Way::packed}) {
            if (make(way)) return blas_.count(way);
        }
        throw DeviceError("lamina: CudaBackend: " + describe(plain_product(request_.out)) +
                          ": cuBLASLt has no algorithm for it");
    }

private:
    using Compute = ComputeOf<Out>;
    using Element = ElementOf<Out, Lhs, Rhs>;

    /// With memory for the sum, instead of scratch.
    ProductMaker(const ProductMaker& like, const Request& request, const Memory& sum)
        : context_(like.context_), blas_(like.blas_), request_(request), sum_(&sum) {}

    /// Whether the library may make the product, with an epilogue and on the caller's own memory, and it is open if it
    /// should.
    [[nodiscard]] bool way_is_open() const {
        const bool epilogue = request_.bias != nullptr || request_.activates();
        return epilogue && library_can_write_out() && aligned(request_.lhs) && aligned(request_.rhs) &&
               aligned(request_.out) && blas_.shall_time(direct_problem());
    }

    /// Leaves the product without an algorithm for the direct way if its sums and `finish` take less time. Without
    /// memory to time in, the direct way has to do.
    void choose_way() const {
        Request trial = request_;
        const auto& out = request_.out;
        Memory instead;  // of an output that must not be added to more than once
        Memory sum;      // instead of scratch, which would keep its size if the direct way wins
        try {
            if (!out_holds_sum(Way::finished)) sum = context_.allocate(out.rows * padded(out.cols) * sizeof(Compute));
            if (request_.in_place()) {
                instead = context_.allocate(((out.rows - 1) * out.stride + out.cols) * sizeof(Out));
                trial.out.data = reinterpret_cast<Out*>(instead.data());
                trial.base = MatrixView<const Base>(reinterpret_cast<const Base*>(instead.data()), out.rows, out.cols,
                                                    out.stride);
            }
        } catch (const DeviceError&) {
            return;
        }
        const ProductMaker on_trial(*this, trial, sum);
        constexpr std::array ways{Way::direct, Way::finished};
        const auto best = quickest(context_, ways.size(), [&](std::size_t i) { return on_trial.make(ways[i]); });
        if (best && ways[*best] == Way::finished) blas_.give_up(direct_problem());
    }

    [[nodiscard]] std::size_t depth() const {
        return request_.lhs_as == Transpose::yes ? request_.lhs.rows : request_.lhs.cols;
    }

    [[nodiscard]] bool make(Way way) const {
        if (way == Way::direct && !library_can_write_out()) return false;
        if constexpr (std::is_same_v<Element, float>) {
            switch (blas_.float_products()) {
                case FloatProducts::bf16x3:
                    return multiply(way, split<2>(Scratch::lhs, request_.lhs), split<2>(Scratch::rhs, request_.rhs), 2);
                case FloatProducts::bf16x6:
                    return multiply(way, split<3>(Scratch::lhs, request_.lhs), split<3>(Scratch::rhs, request_.rhs), 3);
                default:
                    break;
            }
        }
        const bool packed = way == Way::packed || std::is_same_v<Element, bf16>;
        return multiply(way, operand_as<Element>(context_, Scratch::lhs, request_.lhs, packed),
                        operand_as<Element>(context_, Scratch::rhs, request_.rhs, packed), 1);
    }

    template <std::size_t P, class T>
    [[nodiscard]] Operand split(Scratch purpose, MatrixView<const T> from) const {
        if constexpr (std::is_same_v<T, double>) {
            // Scratch of the other purposes is in use only after the operands are there.
            return split_operand<P>(context_, purpose,
                                    MatrixView<const float>(converted<float>(context_, Scratch::product, from)));
        } else {
            return split_operand<P>(context_, purpose, from);
        }
    }

    /// Whether out, bias, base and the activation are such as the library's epilogues have them.
    [[nodiscard]] bool library_can_write_out() const {
        constexpr bool out_is_element = std::is_same_v<Out, Element> || std::is_same_v<Element, bf16>;
        constexpr bool base_is_out = std::is_same_v<Base, Out>;
        constexpr bool bias_is_exact = std::is_same_v<Bias, Out> || std::is_same_v<Bias, bf16>;
        constexpr bool activates = std::is_same_v<Element, bf16> && std::is_same_v<Out, bf16>;
        if constexpr (!out_is_element) return false;
        if (request_.bias != nullptr && (std::is_same_v<Out, double> || !bias_is_exact)) return false;
        if (request_.activates() && !activates) return false;
        if (!request_.base.empty()) {
            if (!base_is_out) return false;
            if (request_.in_place() && request_.base.stride != request_.out.stride) return false;
        }
        if (!std::is_same_v<Out, bf16>) return true;
        return aligned(request_.out) && (request_.base.empty() || aligned(request_.base)) &&
               (request_.pre_activation.empty() || aligned(request_.pre_activation)) &&
               (request_.slope_at.empty() || aligned(request_.slope_at));
    }

    [[nodiscard]] Product plain_product(const StoredMatrix& out) const {
        Product product;
        product.what = request_.what;
        product.out = out;
        product.lhs = request_.lhs;
        product.rhs = request_.rhs;
        product.lhs_as = request_.lhs_as;
        product.rhs_as = request_.rhs_as;
        if (std::is_same_v<Element, double>) product.compute = CUBLAS_COMPUTE_64F;
        if (std::is_same_v<Element, float> && blas_.float_products() == FloatProducts::tf32) {
            product.compute = CUBLAS_COMPUTE_32F_FAST_TF32;
        }
        return product;
    }

    [[nodiscard]] Product full_product() const {
        return full_product(request_.bias == nullptr ? nullptr : bias_of_out_type());
    }
    /// The same as far as its problem goes: no bias is converted for it, and any address is as aligned as one that was.
    [[nodiscard]] Product direct_problem() const {
        return full_product(request_.bias == nullptr ? nullptr : request_.out.data);
    }
    [[nodiscard]] Product full_product(const void* bias) const {
        Product product = plain_product(request_.out);
        product.scale = request_.scale;
        if (!request_.base.empty()) product.base = request_.base;
        product.bias = bias;
        if (!request_.pre_activation.empty()) {
            product.activation = Activation::gelu;
            product.aux = request_.pre_activation;
        }
        if (!request_.slope_at.empty()) {
            product.activation = Activation::gelu_backward;
            product.aux = request_.slope_at;
        }
        return product;
    }

    [[nodiscard]] const void* bias_of_out_type() const {
        if (std::is_same_v<Bias, Out> && alignment_of(request_.bias) >= 16) return request_.bias;
        const auto row = row_view(request_.bias, request_.out.cols);
        return converted<Out>(context_, Scratch::rows, row).data;
    }

    [[nodiscard]] bool multiply(Way way, const Operand& lhs, const Operand& rhs, std::size_t parts) const {
        if (way == Way::direct) return multiply_parts(full_product(), lhs, rhs, parts);
        const MatrixView<Compute> sum = place_of_sum(way);
        if (!multiply_parts(plain_product(sum), lhs, rhs, parts)) return false;
        finish_sum(sum);
        return true;
    }

    /// Whether out can hold the sum, and is not needed for anything else until the end.
    [[nodiscard]] bool out_holds_sum(Way way) const {
        return std::is_same_v<Out, Compute> && way == Way::finished && !request_.in_place();
    }

    [[nodiscard]] MatrixView<Compute> place_of_sum(Way way) const {
        const auto& out = request_.out;
        if constexpr (std::is_same_v<Out, Compute>) {
            if (out_holds_sum(way)) return out;
        }
        const std::size_t stride = padded(out.cols);
        Compute* const memory = sum_ != nullptr ? reinterpret_cast<Compute*>(sum_->data())
                                                : context_.scratch<Compute>(Scratch::product, out.rows * stride);
        return {memory, out.rows, out.cols, stride};
    }

    /// The products of all parts whose magnitude matters, the smallest first, so that little is lost where they are
    /// added: parts i and j are 2^-8(i+j) of the operands, and those of i + j ≥ `parts` are below the last bit kept.
    [[nodiscard]] bool multiply_parts(Product product, const Operand& lhs, const Operand& rhs,
                                      std::size_t parts) const {
        const void* const bias = product.bias;
        bool begun = false;
        for (std::size_t order = parts; order-- > 0;) {
            for (std::size_t i = 0; i <= order; ++i) {
                if (i >= lhs.count || order - i >= rhs.count) continue;
                product.lhs = lhs.parts[i];
                product.rhs = rhs.parts[order - i];
                product.bias = order == 0 ? bias : nullptr;
                if (!blas_.multiply(product)) {
                    if (!begun) return false;
                    throw DeviceError("lamina: CudaBackend: " + describe(product) +
                                      ": cuBLASLt has an algorithm for it without base only");
                }
                begun = true;
                product.base = product.out;
            }
        }
        return true;
    }

    void finish_sum(MatrixView<const Compute> sum) const {
        // An empty sum added to what is there changes nothing.
        if (sum.empty() && request_.in_place() && request_.bias == nullptr && !request_.activates()) return;
        finish(context_, request_.what,
               Finish<Out, Bias, Base>{.out = request_.out,
                                       .sum = sum,
                                       .scale = request_.scale,
                                       .bias = request_.bias,
                                       .base = request_.base,
                                       .pre_activation = request_.pre_activation,
                                       .slope_at = request_.slope_at});
    }

    Context& context_;
    Blas& blas_;
    const Request& request_;
    const Memory* sum_ = nullptr;
};

template <class Out, class Lhs, class Rhs, class Bias, class Base>
void multiply(Device& device, const FullProduct<Out, Lhs, Rhs, Bias, Base>& request) {
    ProductMaker<Out, Lhs, Rhs, Bias, Base>(device, request).run();
}

}  // namespace detail

/// scalars  any of double, float and bf16
/// errors   DeviceError
template <class Out, class Lhs, class Rhs>
void execute(Device& device, const Matmul<Out, Lhs, Rhs>& request) {
    detail::FullProduct<Out, Lhs, Rhs, Out, Out> product{.what = "Matmul",
                                                         .out = request.out,
                                                         .lhs = request.lhs,
                                                         .rhs = request.rhs,
                                                         .lhs_as = request.lhs_as,
                                                         .rhs_as = request.rhs_as};
    if (request.write == Write::accumulate) product.base = request.out;
    detail::multiply(device, product);
}

template <class Out, class Lhs, class Rhs, class Bias, class Base>
void execute(Device& device, const AffineProduct<Out, Lhs, Rhs, Bias, Base>& request) {
    detail::multiply(device, detail::FullProduct<Out, Lhs, Rhs, Bias, Base>{.what = "AffineProduct",
                                                                            .out = request.out,
                                                                            .lhs = request.lhs,
                                                                            .rhs = request.rhs,
                                                                            .scale = request.scale,
                                                                            .bias = request.bias.data,
                                                                            .base = request.base,
                                                                            .pre_activation = request.pre_activation});
}

template <class Out, class Lhs, class Rhs>
void execute(Device& device, const GeluBackwardProduct<Out, Lhs, Rhs>& request) {
    detail::FullProduct<Out, Lhs, Rhs, Out, Out> product{.what = "GeluBackwardProduct",
                                                         .out = request.out,
                                                         .lhs = request.lhs,
                                                         .rhs = request.rhs,
                                                         .rhs_as = Transpose::yes,
                                                         .slope_at = request.pre_activation};
    if (request.write == Write::accumulate) product.base = request.out;
    detail::multiply(device, product);
}

}  // namespace lamina::cuda

// SPDX-License-Identifier: MIT
// The contract between layers and devices: what a backend is, and every request that it carries out.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include <lamina/backend/request/attention.hpp>
#include <lamina/backend/request/common.hpp>
#include <lamina/backend/request/elementwise.hpp>
#include <lamina/backend/request/embedding.hpp>
#include <lamina/backend/request/normalisation.hpp>
#include <lamina/backend/request/products.hpp>
#include <lamina/backend/request/training.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/rows.hpp>

namespace lamina {

// Conventions that hold for every request
//
// scalars   stored types are float, double or bf16; every sum is made in ComputeOf the output type and rounded once
// columns   known to the type where the caller knows them, so that views which do not fit do not compile; `erased()`
//           forgets them, and devices see that form only, so that they are compiled once for all widths
// check()   shapes that do not fit are a caller's bug: LAMINA_EXPECTS, the same on every device
// flops()   operations of matrix products and attention, a multiply-add counting two; what only touches each element a
//           few times counts as nothing
// bytes()   that must be read and written at least
// aliasing  an output must not overlap an input unless the request says so
// order     every result is a function of the inputs and the number of threads alone: run twice, the bits agree
// sizes     zero rows or columns are legal and do nothing (an overwritten output with an empty sum becomes 0)
// memory    scratch belongs to the backend, and lamina's own does not grow once a shape has been seen; the library
//           behind a matrix product may allocate for itself
// errors    an exception, lamina::Error or the library's own, means that memory ran out or that the library or device
//           behind the operation failed
// optional  a view that may be empty says so

namespace detail {

template <class Request>
struct ResultOfRequest {
    using type = void;
};
template <class Request>
requires requires { typename Request::Result; }
struct ResultOfRequest<Request> {
    using type = typename Request::Result;
};

/// For what a device's `run` does: the request is checked, and carried out by the device's own `execute`.
template <class Device, class Request>
decltype(auto) carry_out(Device& device, const Request& request) {
    request.check();
    return execute(device, request.erased());
}

struct Negate {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T value) const {
        return -value;
    }
};

struct NoWork {
    void operator()() const {}
};

}  // namespace detail

/// What a request gives back to the host: nothing but for SumOfSquares.
template <class Request>
using ResultOf = typename detail::ResultOfRequest<Request>::type;

/// A backend that carries out this request.
template <class B, class Request>
concept Runs = requires(B& backend, const Request& request) {
    { backend.run(request) } -> std::same_as<ResultOf<Request>>;
};

/// A device that lamina's layers can run on.
///
/// run(request)                          carries out one of the requests above. A device writes a function
///                                       `execute(device, request)` for each; a backend that records, counts or times
///                                       is one template around another backend's `run`
/// Memory allocate(bytes)                zeroed, 64-byte aligned, freed by its owner; `.data()`, `.size()`
/// Memory allocate_host(bytes)           of the host, with arbitrary content, which the device copies to and from as
///                                       fast as it can: for what does not fit on the device
/// copy(dst, src, bytes)                 between two places of either memory, in the order of the requests
/// upload(dst, src, bytes)               from the host to the device; finished when it returns
/// download(dst, src, bytes)             from the device to the host; finished when it returns
/// row_multiple                          a constant: products whose number of rows a batch decides are given rows up to
///                                       the next multiple, so that a backend which settles something for every shape
///                                       meets few of them; 1 where more rows are only more work
/// logits_rows(vocab)                    a constant for a vocabulary: rows of logits that exist at the same time, a
///                                       multiple of row_multiple. Each is as wide as the vocabulary: as few as keep a
///                                       device busy
/// vocabulary_multiple                   a constant: products with an output matrix are given as many of its rows, and
///                                       columns of logits, as the next multiple of it that holds the vocabulary, the
///                                       rest zeros; 1 where any number will do
/// replay(key, enqueue)                  calls enqueue(), or repeats the requests that it ran when it was last called
///                                       with an equal key
///
/// The key of `replay` is a span of 64-bit words. For equal keys `enqueue` must run the same requests with the same
/// arguments, and the memory that they name must still be there. It must not allocate, copy, upload or download, nor
/// run what returns a number or reads segments; what else it does on the host may not happen again. What it throws
/// passes through, and nothing is then kept.
template <class B>
concept Backend = requires(B& backend, void* to, const void* from, std::size_t bytes,
                           std::span<const std::uint64_t> key) {
    typename B::Memory;
    requires(B::row_multiple > 0 && B::logits_rows(1) > 0 && B::logits_rows(1) % B::row_multiple == 0);
    requires(B::vocabulary_multiple > 0);
    { backend.allocate(bytes) } -> std::same_as<typename B::Memory>;
    { backend.allocate_host(bytes) } -> std::same_as<typename B::Memory>;
    backend.copy(to, from, bytes);
    backend.upload(to, from, bytes);
    backend.download(to, from, bytes);
    backend.replay(key, detail::NoWork{});
}
&&Runs<B, Matmul<float, float, bf16>>&& Runs<B, AffineProduct<float, float, bf16>>&&
    Runs<B, GeluBackwardProduct<float, float, bf16>>&& Runs<B, Fill<float>>&& Runs<B, Convert<float, bf16>>&&
        Runs<B, Map<float, detail::Negate, float>>&& Runs<B, SumRows<float, detail::Negate, float>>&&
            Runs<B, GatherRows<float, float>>&& Runs<B, ScatterRows<float, float>>&& Runs<B, SumOfSquares<float>>&&
                Runs<B, RowMoments<float>>&& Runs<B, Normalise<float, float>>&& Runs<B, NormaliseRows<float, float>>&&
                    Runs<B, NormaliseBackward<float, float, float>>&& Runs<B, DivisorRows<float>>&&
                        Runs<B, MeansOverTokens<float>>&& Runs<B, DeviationPenaltyBackward<float>>&&
                            Runs<B, Embed<float, float>>&& Runs<B, EmbedBackward<float, float>>&&
                                Runs<B, Attention<float>>&& Runs<B, AttentionBackward<float>>&&
                                    Runs<B, CachedAttention<float>>&& Runs<B, StoreKeysValues<float>>&&
                                        Runs<B, SoftmaxCrossEntropy<float>>&& Runs<B, AdamWUpdate<float, float, float>>;

}  // namespace lamina

// SPDX-License-Identifier: MIT
// Views to make requests of that nobody carries out, and what a request says where one of them does not fit.
#pragma once

#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace lamina_tests {

/// What the views below show, each from a place of its own where it shall not be taken for another.
template <class T>
inline std::array<T, 16> places{};

template <class T>
[[nodiscard]] constexpr lamina::Rows<T> matrix(std::size_t rows, std::size_t cols, std::size_t place = 0) {
    return {places<T>.data() + place, rows, cols};
}
/// A matrix whose type knows its width.
template <class T, std::size_t Columns>
[[nodiscard]] constexpr lamina::Rows<T, Columns> typed(std::size_t rows, std::size_t place = 0) {
    return {places<T>.data() + place, rows};
}
/// A number for each of so many rows.
template <class T>
[[nodiscard]] constexpr lamina::Rows<T, 1> column(std::size_t rows, std::size_t place = 0) {
    return typed<T, 1>(rows, place);
}

template <class T, std::size_t C, class U, std::size_t D>
[[nodiscard]] constexpr bool same(const lamina::Rows<T, C>& a, const lamina::Rows<U, D>& b) {
    return a.data == b.data && a.rows == b.rows && a.cols == b.cols && a.stride == b.stride;
}

/// Whether an aggregate can be made of members of these types.
template <class Request, class... Members>
concept MadeOf = requires(Members... members) {
    Request{members...};
};

/// Compiles for what fits, and for what is known to the compiler in all its parts.
template <class Request>
[[nodiscard]] constexpr bool accepted(const Request& request) {
    request.check();
    return true;
}

/// The sentence with which a request refuses itself, without the library's name; empty where it fits.
template <class Request>
[[nodiscard]] std::string refusal(const Request& request) {
    try {
        request.check();
    } catch (const lamina::ContractViolation& violation) {
        return std::string(violation.what()).substr(std::string("lamina: ").size());
    }
    return "";
}

/// The same after `change(request)`.
template <class Request, class Change>
[[nodiscard]] std::string refusal_after(Request request, const Change& change) {
    change(request);
    return refusal(request);
}

/// The sentence for one more and for one less of what `size(request)` refers to: both, where they differ.
template <class Request, class Size>
[[nodiscard]] std::string refusal_off_by_one(const Request& fits, const Size& size) {
    const std::string more = refusal_after(fits, [&](Request& request) { ++size(request); });
    const std::string less = refusal_after(fits, [&](Request& request) { --size(request); });
    return more == less ? more : more + " | " + less;
}
template <class Request, class View>
[[nodiscard]] std::string off_by_a_row(const Request& fits, View Request::*view) {
    return refusal_off_by_one(fits, [&](Request& request) -> std::size_t& { return (request.*view).rows; });
}
template <class Request, class View>
[[nodiscard]] std::string off_by_a_column(const Request& fits, View Request::*view) {
    return refusal_off_by_one(fits, [&](Request& request) -> std::size_t& { return (request.*view).cols; });
}

}  // namespace lamina_tests

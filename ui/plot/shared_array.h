#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>

namespace switchyard::ui {

/// An array that grows at its end, copied in constant time: copies share its pieces and keep the
/// length they had.
///
/// Limits: append is O(1) amortised; what was appended is never written again.
/// Threads: one thread appends to all copies of an array; a copy handed to another thread (through
///          a mutex or an atomic) is read there while the first goes on appending.
template <typename T, std::size_t kPiece = 256>
class SharedArray {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] bool empty() const { return size_ == 0; }

  const T& operator[](std::size_t i) const {
    return directory_->pieces[i / kPiece]->items[i % kPiece];
  }

  void append(T value) {
    const std::size_t slot = size_ / kPiece, at = size_ % kPiece;
    Piece& piece = at == 0 ? begin_piece(slot) : own_piece(slot, at);
    piece.items[at] = std::move(value);
    piece.filled = at + 1;
    ++size_;
  }

  /// Forgets the elements from `size` on; copies keep them.
  void truncate(std::size_t size) {
    size_ = std::min(size_, size);
    if (size_ == 0) directory_.reset();
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    return directory_ == nullptr ? 0
                                 : directory_->capacity * sizeof(std::shared_ptr<Piece>) +
                                       (size_ + kPiece - 1) / kPiece * sizeof(Piece);
  }

 private:
  struct Piece {
    std::array<T, kPiece> items{};
    std::size_t filled = 0;  ///< by whichever copy got furthest
  };

  struct Directory {
    explicit Directory(std::size_t room)
        : pieces(std::make_unique<std::shared_ptr<Piece>[]>(room)), capacity(room) {}

    std::unique_ptr<std::shared_ptr<Piece>[]> pieces;
    std::size_t capacity;
    std::size_t filled = 0;
  };

  /// A directory of this array's own, with its first `keep` pieces.
  void renew_directory(std::size_t keep) {
    auto next = std::make_shared<Directory>(std::max<std::size_t>(4, 2 * keep));
    if (directory_ != nullptr) std::copy_n(directory_->pieces.get(), keep, next->pieces.get());
    next->filled = keep;
    directory_ = std::move(next);
  }

  Piece& begin_piece(std::size_t slot) {
    if (directory_ == nullptr || directory_->filled != slot || directory_->capacity == slot)
      renew_directory(slot);
    directory_->pieces[slot] = std::make_shared<Piece>();
    directory_->filled = slot + 1;
    return *directory_->pieces[slot];
  }

  /// The piece that is being filled; a copy of it when another array went on from here.
  Piece& own_piece(std::size_t slot, std::size_t at) {
    if (directory_->pieces[slot]->filled == at) return *directory_->pieces[slot];
    auto piece = std::make_shared<Piece>();
    std::copy_n(directory_->pieces[slot]->items.begin(), at, piece->items.begin());
    renew_directory(slot);
    directory_->pieces[slot] = std::move(piece);
    directory_->filled = slot + 1;
    return *directory_->pieces[slot];
  }

  std::shared_ptr<Directory> directory_;
  std::size_t size_ = 0;
};

}  // namespace switchyard::ui

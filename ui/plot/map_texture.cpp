#include "ui/plot/map_texture.h"

#include <memory>
#include <vector>

#include <imgui_internal.h>

namespace switchyard::ui {

namespace {

struct DeleteTexture {
  void operator()(ImTextureData* data) const { IM_DELETE(data); }
};

using OwnedTexture = std::unique_ptr<ImTextureData, DeleteTexture>;

/// Textures that nobody draws any more, until the back end has freed them.
std::vector<OwnedTexture>& retired() {
  static std::vector<OwnedTexture> list;
  return list;
}

void sweep_retired() {
  std::erase_if(retired(), [](const OwnedTexture& data) {
    if (data->Status != ImTextureStatus_Destroyed) return false;
    ImGui::UnregisterUserTexture(data.get());
    return true;
  });
}

}  // namespace

MapTexture::~MapTexture() {
  release();
}

void MapTexture::release() {
  if (data_ == nullptr) return;
  if (ImGui::GetCurrentContext() == nullptr) {  // the back end freed the texture with the context
    IM_DELETE(data_);
  } else {
    data_->WantDestroyNextFrame = true;
    retired().emplace_back(data_);
  }
  data_ = nullptr;
}

std::span<Color> MapTexture::renew(int width, int height) {
  sweep_retired();
  if (data_ != nullptr && (data_->Width != width || data_->Height != height)) release();
  const bool is_new = data_ == nullptr;
  if (is_new) {
    data_ = IM_NEW(ImTextureData)();
    data_->Create(ImTextureFormat_RGBA32, width, height);
    data_->UseColors = true;
  }
  if (is_new) {
    ImGui::RegisterUserTexture(data_);
  } else if (data_->Status == ImTextureStatus_OK) {
    ImTextureRect all{};
    all.w = static_cast<unsigned short>(width);
    all.h = static_cast<unsigned short>(height);
    data_->UpdateRect = data_->UsedRect = all;
    data_->Updates.resize(0);
    data_->Updates.push_back(all);
    data_->SetStatus(ImTextureStatus_WantUpdates);
  }
  static_assert(sizeof(Color) == 4, "a texture's pixel is one colour");
  return {static_cast<Color*>(data_->GetPixels()),
          static_cast<std::size_t>(width) * static_cast<std::size_t>(height)};
}

void MapTexture::draw(ImDrawList* list, ImVec2 min, ImVec2 max) const {
  if (data_ == nullptr) return;
  const ImGuiPlatformIO& platform = ImGui::GetPlatformIO();
  if (platform.DrawCallback_SetSamplerNearest != nullptr) {
    list->AddCallback(platform.DrawCallback_SetSamplerNearest, nullptr);
  }
  list->AddImage(data_->GetTexRef(), min, max);
  if (platform.DrawCallback_SetSamplerLinear != nullptr) {
    list->AddCallback(platform.DrawCallback_SetSamplerLinear, nullptr);
  }
}

}  // namespace switchyard::ui

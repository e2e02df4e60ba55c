from tests.storage.records.conftest import blob_folder, crowd, device, new_device

__all__ = ["blob_folder", "crowd", "device", "new_device"]

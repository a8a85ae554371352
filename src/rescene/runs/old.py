"""Settings in the formats of before: of edits, of generated clips, of propagated frames, and of one mask."""

from typing import Any


def renewed(values: dict[str, Any]) -> dict[str, Any]:
    """Parsed settings in today's shape; what isn't known is left as it is, to be named as a mistake later."""
    if "verb" in values:
        return _with_mask_files(values)
    values = dict(values)
    verb = "propagate" if "key_frames" in values else "edit" if "source" in values else "generate"
    inputs: dict[str, Any] = {"video": values.pop("source", None)}
    if verb == "propagate":
        # Pictures of other sizes were scaled and cropped whenever a result was made again.
        inputs |= {"key_frames": values.pop("key_frames"), "cover": True}
    fields = values.get("fields")
    if isinstance(fields, dict):
        fields = values["fields"] = dict(fields)
        if (control := fields.pop("control_video", None)) is not None:
            inputs["control"] = {"path": control}
    files = _files(values, fields)
    return {**values, "verb": verb, "inputs": inputs, "files": files}


def _with_mask_files(values: dict[str, Any]) -> dict[str, Any]:
    """Recipes whose mask was a file by itself."""
    inputs = values.get("inputs")
    if not isinstance(inputs, dict):
        return values
    mask = inputs.get("mask")
    if not (isinstance(mask, dict) and "path" in mask):
        return values
    return {**values, "inputs": {**inputs, "mask": {"files": [mask]}}}


def _files(values: dict[str, Any], fields: Any) -> dict[str, list[str | None]]:
    """Takes out the hashes of the files that a method's fields name."""
    files: dict[str, list[str | None]] = {}
    if (motion := values.pop("motion", None)) is not None:
        files["motion"] = [motion]
    if loras := values.pop("motion_loras", None):
        files["motion_lora"] = loras
    if isinstance(fields, dict) and fields.get("subject_mask") is not None:
        files["subject_mask"] = [None]  # Its hash wasn't noted.
    return files

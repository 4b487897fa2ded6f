"""Which files may be sent: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types"""

import io

from embedded.meta.errors import GraphError, parameter

MB = 1024 * 1024
AUDIO = ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/opus")
OFFICE = "application/vnd.openxmlformats-officedocument"
DOCUMENT = (
    "text/plain",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    f"{OFFICE}.wordprocessingml.document",
    f"{OFFICE}.spreadsheetml.sheet",
    f"{OFFICE}.presentationml.presentation",
)
LARGEST = {
    **dict.fromkeys(("image/jpeg", "image/png"), 5 * MB),
    "image/webp": MB // 2,
    **dict.fromkeys(AUDIO, 16 * MB),
    **dict.fromkeys(("video/mp4", "video/3gpp"), 16 * MB),
    **dict.fromkeys(DOCUMENT, 100 * MB),
}


def media_check(mime: str, size: int) -> None:
    """Raise GraphError unless a business may upload such a file."""
    bare = mime.partition(";")[0].strip().lower()
    if bare not in LARGEST:
        raise parameter(
            f"Param file must be a file with one of the following types: {', '.join(LARGEST)}. Received type '{mime}'."
        )
    if size == 0:
        raise GraphError(131053, "The file is empty.")
    if size > LARGEST[bare]:
        raise GraphError(131053, f"The file is {size} bytes; {bare} may have at most {LARGEST[bare]}.")


def ogg_from_webm(data: bytes) -> bytes:
    """Return a browser's recording in the container that voice notes have; the sound itself stays as it is.

    Raises av.error.FFmpegError when the file holds no sound that it knows.
    """
    import av

    out = io.BytesIO()
    with av.open(io.BytesIO(data), "r") as source, av.open(out, "w", format="ogg") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return out.getvalue()

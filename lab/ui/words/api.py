"""What programs are told where they ask for what cannot be, as `lab.ui.words` holds it."""

WORDS: dict[str, tuple[str, str]] = {
    "api.say.text": (
        "{name} is {value}; give a text of {least} to {most} letters",
        "{name} 是 {value}；请给 {least} 到 {most} 个字的文本",
    ),
    "api.say.value": ("{name} is {value}; give {allowed}", "{name} 是 {value}；请给{allowed}"),
    "api.say.field": (
        "{name} is {value}, but there is no such field; give one of {names}",
        "{name} 是 {value}，但没有这个字段；请给 {names} 之一",
    ),
    "api.say.some": (
        "{name} is {value}; give some of {names}, each once",
        "{name} 是 {value}；请从 {names} 里选几个，每个一次",
    ),
    "api.say.settings": (
        "{name} is {value}; give settings by painter, such as {example}",
        "{name} 是 {value}；请按画家给出设置，例如 {example}",
    ),
    "api.say.stray": (
        "{name} is given for {stray}; this race has {names}",
        "{name} 里有 {stray} 的设置；而这一场只有 {names}",
    ),
    "api.say.nofile": (
        "{name} is no file that was sent; with the Python client give {example}",
        "{name} 不是发送来的文件；用客户端时请给 {example}",
    ),
    "api.say.unreadable": (
        "{name} is no picture that can be read; give one as {kinds}",
        "{name} 不是能读取的图片；请给一张 {kinds} 图片",
    ),
    "api.say.large": (
        "{name} is too large a picture; give one of at most {most} pixels",
        "{name} 这张图片太大；请给一张不超过 {most} 像素的",
    ),
    "api.say.alone": (
        "{name} is given without the picture that it is of; give {other} as well",
        "给了 {name}，却没有它所属的图片；请同时给出 {other}",
    ),
    "api.say.nohole": (
        "{name} is black everywhere; paint white where the picture is to be repainted",
        "{name} 全是黑的；请把要重画的地方涂成白色",
    ),
    "api.say.needs": (
        "{name} is {value}, but there is no picture; give a picture as {other}",
        "{name} 是 {value}，却没有图片；请把图片作为 {other} 给出",
    ),
    "api.say.ended": ("{painter} could not paint. {why} [{note}]", "{painter} 没能画出来。{why} [{note}]"),
    # what is allowed
    "api.bool": ("true or false", "真或假"),
    "api.choice": ("one of {names}", "{names} 之一"),
    "api.int": ("int from {low} to {high}", " {low} 到 {high} 的整数"),
    "api.grid": ("int from {low} to {high} in steps of {step}", " {low} 到 {high} 的整数，每 {step} 一档"),
    "api.float": ("float from {low} to {high}", " {low} 到 {high} 的小数"),
    "api.optional": ("{allowed}, or nothing", "{allowed}，或者不给"),
}

"""Words of the DALL-E 2 tab, as `lab.ui.words` holds them."""

WORDS: dict[str, tuple[str, str]] = {
    "unclip.prior": ("Thoughts", "想法"),
    "unclip.prior.about": (
        "A sentence does not say how a picture looks. So a prior first imagines what CLIP would see in one, several "
        "times over. A decoder then paints what was imagined.",
        "一句话并没有说清画面的样子。所以先验网络先想象 CLIP 会在画里看到什么，一连想好几次；解码器再把想到的画出来。",
    ),
    "unclip.go.prior": ("Imagine and paint", "先想象，再画"),
    "unclip.thoughts": ("How many thoughts", "想几次"),
    "unclip.drawer": ("Settings of prior and decoder", "先验与解码器的设置"),
    "unclip.begins": ("Reads and imagines …", "正在读，正在想……"),
    "unclip.thinks": (
        "Nothing is painted yet: step {i} of {n} of the prior. Each thought is nearest to these captions.",
        "还没有开始画：先验第 {i} 步，共 {n} 步。每个想法最接近这几句话。",
    ),
    "unclip.paints": (
        "The decoder paints all thoughts from the same noise: step {i} of {n}.",
        "解码器从同一份噪声出发，把每个想法都画出来：第 {i} 步，共 {n} 步。",
    ),
    "unclip.decodes": ("The decoder paints: step {i} of {n}.", "解码器在画：第 {i} 步，共 {n} 步。"),
    "unclip.done": (
        "Same sentence, same noise: whatever differs was imagined. Any two thoughts are {alike} alike (1 is the same). "
        "DALL·E 2 would keep the one with the diamond.",
        "同一句话，同一份噪声：不同之处都来自想象。两两之间的相似度为 {alike}（1 为相同）。"
        "DALL·E 2 会留下带菱形的那一张。",
    ),
    "unclip.stopped": ("Stopped.", "已停下。"),
    "unclip.candidate": ("Thought {n}", "想法 {n}"),
    "unclip.chosen": ("◆ Thought {n}, nearest to the sentence", "◆ 想法 {n}，最接近句子"),
    "unclip.cosine": ("similarity to the sentence {cosine}", "与句子的相似度 {cosine}"),
    # one embedding, four pictures
    "unclip.four": ("One thought, four pictures", "一个想法，四张画"),
    "unclip.four.about": (
        "The best thought is painted four times, each time from other noise. What stays was in the thought; "
        "what changes the decoder made up.",
        "最好的想法画四遍，每遍用不同的噪声。不变的在想法里，变的是解码器自己编的。",
    ),
    "unclip.go.four": ("Paint it four times", "画四遍"),
    "unclip.noise": ("Noise {n}", "噪声 {n}"),
    "unclip.four.done": (
        "One thought, four noises. Look for what all four have in common.",
        "一个想法，四份噪声。找找四张画的共同之处。",
    ),
    # the picture to begin with
    "unclip.picture": ("The picture", "用哪张画"),
    "unclip.source.painted": ("painted to the sentence", "按句子画"),
    "unclip.source.own": ("my own", "我自己的"),
    "unclip.upload": ("Choose a picture", "选一张图片"),
    "unclip.painted": ("painted by Storybook", "故事书画的"),
    "unclip.own": ("your picture, {n} pixels a side", "你的图片，边长 {n} 像素"),
    "unclip.own.cut": (
        "your picture: the middle of it, {n} pixels a side",
        "你的图片：取正中，边长 {n} 像素",
    ),
    # with and without the prior
    "unclip.three": ("With the prior and without", "有无先验"),
    "unclip.three.about": (
        "The decoder wants the embedding of a picture. The prior imagines one; the sentence's own embedding lies "
        "elsewhere; a true picture has the true one.",
        "解码器要的是一张画的嵌入。先验想象一个；句子自己的嵌入在别处；真实的画才有真正的嵌入。",
    ),
    "unclip.go.three": ("Paint from all three", "三种都画"),
    "unclip.true": ("A true picture", "真实的画"),
    "unclip.from.image": ("From its embedding", "用它的嵌入"),
    "unclip.from.prior": ("From the prior's", "用先验想象的"),
    "unclip.from.text": ("From the sentence's", "用句子自己的"),
    "unclip.to.true": ("similarity to the true one {cosine}", "与真正嵌入的相似度 {cosine}"),
    "unclip.three.done": (
        "Same decoder, same noise, three embeddings. The better the prior, the more the third resembles the second.",
        "同一个解码器，同一份噪声，三种嵌入。先验越好，第三张就越像第二张。",
    ),
    # variations
    "unclip.varied": ("Variations", "变奏"),
    "unclip.varied.about": (
        "No sentence now. CLIP looks at the picture, the picture is put away, and the decoder paints what CLIP "
        "remembers, four times.",
        "这次没有句子。CLIP 看一眼画，画被收走，解码器凭 CLIP 记住的再画四张。",
    ),
    "unclip.go.varied": ("Paint variations", "画变奏"),
    "unclip.sees": ("CLIP sees:", "CLIP 看到："),
    "unclip.variation": ("Variation {n}", "变奏 {n}"),
    "unclip.varied.done": (
        "What all four share is what CLIP saw. What changed it did not keep.",
        "四张共有的，是 CLIP 看到的；变了的，它没有记住。",
    ),
    # the enlarged picture
    "unclip.larger": ("Small and large", "小画与大画"),
    "unclip.larger.about": (
        "A last net makes the picture four times as wide: sharp edges, and mistakes as large. Noise on the small "
        "picture hides its faults, and the net makes up more.",
        "最后一个网络把画放大到四倍宽：边缘清楚了，错误也一样放大。在小画上加点噪声能遮住瑕疵，网络就自己编得更多。",
    ),
    "unclip.go.larger": ("Paint and enlarge", "画完再放大"),
    "unclip.small": ("Small", "小"),
    "unclip.large": ("Large", "大"),
    "unclip.slider": ("Small on the left, enlarged on the right", "左边是小画，右边是放大后的"),
    "unclip.augment": ("Noise on the small picture", "小画上的噪声"),
    "unclip.larger.done": (
        "{small} pixels a side became {large}. Move the line to compare.",
        "边长 {small} 像素变成了 {large} 像素。移动分界线来比较。",
    ),
    # messages
    "unclip.say.unknown": (
        "Storybook knows none of the things in this sentence, so it cannot paint it. Name one it knows, such as a cat "
        "or a boat, or choose a picture of your own.",
        "故事书不认识这句话里的东西，画不出来。请换成它认识的，比如猫或船，或者选一张自己的图片。",
    ),
    "unclip.say.noupsampler": (
        "The weights that run here have no net that enlarges: their pictures stay small. Choose weights that have one.",
        "现在用的这套权重没有放大网络：画出来多大，就是多大。请换一套权重。",
    ),
    "unclip.say.nofile": (
        "Choose a picture of your own first, or let one be painted to the sentence.",
        "请先选一张自己的图片，或者让故事书按句子画一张。",
    ),
    "unclip.say.unreadable": (
        "This file cannot be read as a picture. Give another, as PNG or JPEG.",
        "这个文件无法作为图片读取，请换一张常见格式的图片。",
    ),
    "unclip.say.large": (
        "This picture has too many pixels. Give a smaller one.",
        "这张图片太大了，请换一张小一些的。",
    ),
}

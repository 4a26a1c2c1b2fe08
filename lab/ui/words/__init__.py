"""Every word the page says, in English and Chinese: tables, and the two functions that read them.

What the whole page and its first tab say stands here; each other tab has a table of its own beside this one.

Keys are grouped by a prefix: `knob.` and `about.` belong to settings, `painter.` to the four, `say.` to messages.
A sentence may hold {fields}; both languages hold the same ones.  The browser reads this very table.
"""

from __future__ import annotations

from lab.storybook.words import BACKGROUNDS, COLOURS, KINDS, RELATIONS, SIZES
from lab.ui.words import api, info, latent, models, pixel, unclip, vqgan_clip, weights

LANGUAGES = ("en", "zh")

WORDS: dict[str, tuple[str, str]] = {
    # the page
    "page.title": ("Quartet", "四重奏"),
    "page.about": ("One sentence, four ways to paint it.", "同一句话，四种画法。"),
    "page.language": ("中文", "English"),
    "page.language.about": ("Read this page in Chinese", "用英文阅读本页"),
    "page.dark": ("Light or dark", "浅色或深色"),
    "tab.compare": ("Compare", "比较"),
    "tab.latent": ("Stable Diffusion", "Stable Diffusion"),
    "tab.pixel": ("DDPM", "DDPM"),
    "tab.vqgan_clip": ("VQGAN+CLIP", "VQGAN+CLIP"),
    "tab.unclip": ("DALL·E 2", "DALL·E 2"),
    "tab.models": ("Models", "模型"),
    "tab.record": ("Picture info", "图片信息"),
    # compare
    "prompt": ("The sentence", "句子"),
    "prompt.hint": ("a large red cat in a meadow", "草地上的一只红色的大猫"),
    "paint": ("Paint 画", "画 Paint"),
    "seed": ("Seed", "种子"),
    "die": ("Throw the die for another seed", "掷骰子换一个种子"),
    "budget": ("Each painter gets", "每位画家得到"),
    "budget.0": ("as long as it needs", "所需的全部时间"),
    "budget.n": ("{n} s of processor", "{n} 秒处理器时间"),
    "lanes": ("Painters", "画家"),
    "count": ("Pictures each", "每位画几张"),
    "drawer": ("Settings of the painters", "画家的设置"),
    "builder": ("Build a sentence", "拼一个句子"),
    "builder.count": ("How many", "数量"),
    "builder.size": ("Size", "大小"),
    "builder.colour": ("Colour", "颜色"),
    "builder.kind": ("Thing", "东西"),
    "builder.relation": ("Stands", "位置"),
    "builder.second": ("Of a second thing", "第二样东西"),
    "builder.colour2": ("Its colour", "它的颜色"),
    "builder.background": ("Where", "地点"),
    "builder.any": ("any", "任意"),
    "builder.none": ("alone", "独自一个"),
    "builder.use": ("Use this sentence", "使用这个句子"),
    # what is said under the prompt
    "hint.try": ("Try", "试试"),
    "hint.never": ("Never seen", "没有见过"),
    "hint.know": ("I know {n} things. Tap one to put it in:", "我认识 {n} 样东西，点一下就换上："),
    "hint.dropped": ("Too long; nobody reads the end:", "太长了，后面的没人会读："),
    # the painters
    "painter.latent": ("Latent", "潜空间扩散"),
    "painter.pixel": ("Pixel", "像素扩散"),
    "painter.vqgan_clip": ("VQGAN+CLIP", "VQGAN+CLIP"),
    "painter.unclip": ("DALL·E 2", "DALL·E 2"),
    "method.latent": (
        "Cleans a small hidden picture of noise, then develops it.",
        "先在很小的隐藏画面里去噪，再把它显影。",
    ),
    "method.pixel": ("Cleans the picture itself of noise, pixel by pixel.", "直接在画面上逐个像素去噪。"),
    "method.vqgan_clip": (
        "Nobody taught it to paint: it changes tiles until CLIP is pleased.",
        "没有人教它画画：它不断换瓷砖，直到 CLIP 满意。",
    ),
    "method.unclip": (
        "First imagines what CLIP would see, then paints that.",
        "先想象 CLIP 会看到什么，再把它画出来。",
    ),
    # the stage
    "stage": ("The stage", "舞台"),
    "stage.picture": ("{painter}: picture of “{text}”, step {i} of {n}", "{painter}：“{text}”，第 {i} 步，共 {n} 步"),
    "stage.empty": ("{painter}: nothing painted yet", "{painter}：还没有画"),
    "stage.score": (
        "Score: a mark for every network evaluation, over seconds",
        "乐谱：每个记号是一次网络计算，横轴为秒",
    ),
    "stage.axis": ("Time, in seconds since the start", "时间，开始以来的秒数"),
    "stage.turns": (
        "Same sentence, same seed, one processor: they take turns.",
        "同一句话，同一个种子，同一个处理器：它们轮流作画。",
    ),
    "stage.asked": ("Asked for; the painters are on their way.", "已经说了，画家们马上就来。"),
    "stage.replay": ("Replay, seed {seed}, these weights", "回放，种子 {seed}，正是这些权重"),
    "stage.pause": ("Pause", "暂停"),
    "stage.go": ("Go on", "继续"),
    "stage.stop": ("Stop", "停止"),
    "stage.again": ("Play again", "重放"),
    "stage.keep": ("Keep", "留下"),
    "stage.keep.about": (
        "Save a postcard: every picture and how to paint it again",
        "保存明信片：每一张画，以及重画它们的方法",
    ),
    "wall.keep.about": (
        "Save this picture; it carries all that is needed to paint it again",
        "保存这张画，里面带着重画它所需的一切",
    ),
    "wall.heavy": (
        "What it started from is too large for a file to carry. Begin with a smaller picture to keep this one.",
        "起点图片太大，这张画带不下重画它所需的一切。请换小一点的图片再画，才能留下。",
    ),
    "stage.kept": (
        "Saved. The picture carries all that is needed to paint it again.",
        "已保存。图片里带着重画它所需的一切。",
    ),
    "stage.gone": (
        "This race is no longer here. Paint again, then keep it.",
        "这一场已经不在了。请再画一次，然后留下。",
    ),
    "stage.link": ("Link", "链接"),
    "stage.link.about": (
        "Copy a link that paints this very race again",
        "复制一个能重画这一场的链接",
    ),
    "stage.linked": ("Link copied: whoever opens it sees the same race.", "链接已复制：谁打开都会看到同一场。"),
    "strip": ("Races of this visit", "这次来访的各场"),
    "matrix.about": (
        "How near CLIP finds each picture to the sentence and to three changed ones; the nearest in bold.",
        "CLIP 觉得每张画离这句话和三句改过的话有多近，最近的加粗。",
    ),
    "pair": ("Two pictures, one over the other", "把两张画叠在一起"),
    "pair.left": ("On the left", "左边"),
    "pair.right": ("On the right", "右边"),
    "pair.slider": ("Drag the line", "拖动分界线"),
    "state.idle": ("waits for a sentence", "等一个句子"),
    "state.queued": ("waits for its turn", "等待轮到它"),
    "state.measuring": ("is timed first", "先测速度"),
    "state.running": ("step {i} of {n}", "第 {i} 步，共 {n} 步"),
    "state.begins": ("reads the sentence", "正在读句子"),
    "state.paused": ("paused at step {i} of {n}", "停在第 {i} 步，共 {n} 步"),
    "state.done": ("signed after {n} steps", "{n} 步后签名"),
    "state.cut": ("time is up: step {i} of {n}", "时间到：第 {i} 步，共 {n} 步"),
    "state.cancelled": ("stopped at step {i} of {n}", "在第 {i} 步停下，共 {n} 步"),
    "state.failed": ("could not finish", "没能画完"),
    "state.missing": ("is not here", "不在场"),
    "state.absent": ("rests", "休息"),
    "meter.seconds": ("processor", "处理器"),
    "meter.evals": ("evaluations", "网络计算"),
    "meter.parameters": ("parameters", "参数"),
    "meter.similarity": ("CLIP similarity", "CLIP 相似度"),
    "meter.memory": ("memory", "内存"),
    "meter.more": ("more figures", "更多数字"),
    "unit.second": ("{n} s", "{n} 秒"),
    "unit.mib": ("{n} MiB", "{n} 兆字节"),
    "unit.million": ("{millions} million", "{wan} 万"),
    "judge": ("Judge", "裁判"),
    "judge.none": ("no judge", "没有裁判"),
    "judge.unread": ("the judge reads only words it knows", "裁判只认得它学过的词"),
    "judge.right": ("right", "对"),
    "judge.wrong": ("wrong", "错"),
    "judge.cannot say": ("cannot say", "说不准"),
    "judge.waits": ("the judge looks when it is signed", "裁判等签名之后才看"),
    "wall.picture": ("Picture {n}", "第 {n} 张图"),
    "wall.several": ("{about}, picture {n}", "{about}，第 {n} 张图"),
    "judge.picture": ("Judge of picture {n}", "裁判看第 {n} 张"),
    "memory.work": ("room to work", "工作时另需"),
    "memory.of": ("{need} of {budget}", "{need} / {budget}"),
    "memory.other": ("other networks", "其他网络"),
    "memory.reckoned": ("room to work, reckoned", "工作时另需（算出来的）"),
    "memory.unmeasured": ("told once it is signed", "签名之后才知道"),
    "rank": ("Equal time, {n} s each. Most words right: {groups}.", "时间相同，每位 {n} 秒。画对的词最多：{groups}。"),
    "rank.nobody": (
        "Equal time, {n} s each. Nobody has a single word right.",
        "时间相同，每位 {n} 秒。谁也没有画对一个词。",
    ),
    "rank.one": ("{painters} ({right} of {all})", "{painters}（{all} 个里对 {right} 个）"),
    "rank.level": ("{painters}, level ({right} of {all})", "{painters}并列（{all} 个里对 {right} 个）"),
    "rank.then": ("; then ", "；然后是"),
    "sum.facts": (
        "{painter}: {seconds} s of processor, {evals} evaluations.",
        "{painter}：处理器 {seconds} 秒，网络计算 {evals} 次。",
    ),
    "sum.crops": ("It looked at {n} crops.", "它看了 {n} 块裁片。"),
    "sum.apart": (
        "Charged apart: previews {looks} s, judging {judged} s, waiting, loading and timing {waited} s.",
        "另计：预览 {looks} 秒，评判 {judged} 秒，等待、装入和测速 {waited} 秒。",
    ),
    "sum.all": (
        "{painter}: {seconds} s of processor, {evals} evaluations, every word right.",
        "{painter}：处理器 {seconds} 秒，网络计算 {evals} 次，每个词都对。",
    ),
    "sum.missed": (
        "{painter}: {seconds} s of processor, {evals} evaluations, missed {words}.",
        "{painter}：处理器 {seconds} 秒，网络计算 {evals} 次，没画对：{words}。",
    ),
    "sum.unsure": (
        "{painter}: {seconds} s of processor, {evals} evaluations; the judge cannot tell {words}.",
        "{painter}：处理器 {seconds} 秒，网络计算 {evals} 次，评判看不出：{words}。",
    ),
    # models
    "models.about": (
        "Four painters, one shelf of networks: what two of them need is loaded once.",
        "四位画家共用一架网络：两位都要的，只装入一次。",
    ),
    "models.again": ("Look again", "再看一次"),
    "models.part": ("Part", "部件"),
    "models.lanes": ("Used by", "谁在用"),
    "models.kind": ("Class", "类型"),
    "models.parameters": ("Parameters", "参数"),
    "models.bytes": ("MiB", "兆字节"),
    "models.state": ("State", "状态"),
    "models.licence": ("Licence", "许可证"),
    "models.free": (
        "{used} MiB in memory, at most {peak} so far, no limit.",
        "内存中 {used} 兆字节，至今最多 {peak}，没有上限。",
    ),
    "models.budget": (
        "{used} MiB in memory of a budget of {budget}, at most {peak} so far.",
        "预算 {budget} 兆字节，内存中 {used}，至今最多 {peak}。",
    ),
    "models.counts": (
        "{hits} times at hand, {loads} times read in {seconds} s, {evictions} put away, {failures} failed.",
        "现成 {hits} 次，读入 {loads} 次，用时 {seconds} 秒，收起 {evictions} 次，失败 {failures} 次。",
    ),
    "part.missing": ("missing", "缺失"),
    "part.away": ("on disk", "在磁盘上"),
    "part.resident": ("in memory", "在内存中"),
    "part.lent": ("in use, {n} at a time", "使用中，同时 {n} 处"),
    # messages
    "say.link": (
        "The link says {field} = {value}; allowed is {allowed}. Mend it, or set it below and paint.",
        "链接里写着 {field} = {value}，允许的是 {allowed}。请改正，或在下面设好再画。",
    ),
    "say.empty": ("Write a sentence first; then the painters can begin.", "请先写一个句子，画家们才能开始。"),
    "say.long": (
        "The sentence is over {n} letters long. Shorten it; the painters read only its beginning.",
        "句子超过 {n} 个字，请缩短：画家们只读开头。",
    ),
    "say.lanes": ("No painter is chosen. Tick at least one in the settings.", "没有选择画家，请在设置里至少勾选一位。"),
    "say.seed": ("The seed is no whole number from 0 to {n}. Give one.", "种子不是 0 到 {n} 的整数，请给一个。"),
    "say.missing": (
        "Its weights are not here: {parts}. The Models tab says how to get them; the others paint without it.",
        "它的权重不在：{parts}。请看“模型”页；其他画家照常作画。",
    ),
    "say.failed": (
        "Something broke while it painted; the others are not affected. Try another seed or its default settings.",
        "作画时出了错，其他画家不受影响。请换一个种子，或恢复默认设置。",
    ),
    "say.memory": (
        "It does not fit into this machine's memory. Choose fewer pictures.",
        "这台机器的内存放不下，请少画几张。",
    ),
    "say.knob": (
        "{painter}: the setting “{knob}” does not allow {value}. Put it back to its default.",
        "{painter}：设置“{knob}”不允许 {value}，请恢复默认。",
    ),
    "say.broken": (
        "The race could not begin. Reload the page; if it happens again, restart the app.",
        "没能开始。请刷新页面；如果仍然如此，请重新启动程序。",
    ),
    "say.early": (
        "Something broke, and this ended early. Try again; if it happens again, reload the page.",
        "出了错，没有做完。请再试一次，如果仍然如此，请刷新页面。",
    ),
    "say.noupsampler": (
        "The weights that run here have no net that enlarges. Untick “Enlarge” in the settings, or take other weights.",
        "现在用的这套权重没有放大网络。请在设置里去掉“放大”的勾，或换一套权重。",
    ),
    "say.busy": (
        "The connection was lost. The painters have stopped; press Paint to begin again.",
        "连接断了，画家们已经停下。请再按一次“画”。",
    ),
    # what Gradio says of its own accord
    "toast.error": ("It did not work", "没能做到"),
    "toast.warning": ("Not this one", "不能用这个"),
    "toast.close": ("Close", "关闭"),
    "toast.large": (
        "Larger than the {n} MiB that this page takes: {files}. Choose a smaller file.",
        "超过了本页允许的 {n} 兆字节：{files}。请换一个小一点的文件。",
    ),
    "toast.kind": (
        "This kind of file is not read here: {files}. Choose a picture.",
        "这里读不了这种文件：{files}。请选一张图片。",
    ),
    "toast.full": (
        "Too many visitors are waiting already. Wait a minute, then try again.",
        "等着的人太多了，请过一分钟再试。",
    ),
    "toast.lost": (
        "The connection to this app was lost. When it is back the page loads anew.",
        "和程序的连接断了，恢复后本页会重新打开。",
    ),
    "toast.broken": (
        "Something broke, and nothing was done. Try again; if it happens again, reload the page.",
        "出了错，什么都没有做。请再试一次，如果仍然如此，请刷新页面。",
    ),
    "gradio.number": ("{label}, as a number", "{label}，数字"),
    "gradio.slider": ("{label}, to be dragged", "{label}，可以拖动"),
    "gradio.pan": ("Move the picture", "移动画面"),
    "gradio.larger": ("Zoom in", "放大"),
    "gradio.smaller": ("Zoom out", "缩小"),
    "gradio.undo": ("Undo", "退回一步"),
    "gradio.redo": ("Redo", "再做一步"),
    "gradio.clear": ("Clear all", "全部去掉"),
    "gradio.brush": ("Brush", "画笔"),
    "gradio.size": ("Size of the brush", "画笔的大小"),
    "gradio.colour": ("Colour", "颜色"),
    "gradio.eraser": ("Eraser", "去掉一部分"),
    "gradio.wipe": ("Size of the eraser", "去掉多大一块"),
    "gradio.dismiss": ("Clear", "去掉"),
    "gradio.empty": ("Nothing here yet", "这里还没有画"),
    "gradio.drop": ("Click for a picture, or drop one here", "点一下选图片，或拖到这里"),
    # settings
    "knob.reset": ("Back to defaults", "恢复默认"),
    "knob.steps": ("Steps", "步数"),
    "knob.guidance": ("Guidance", "引导强度"),
    "knob.guidance_from": ("Guided from", "引导起点"),
    "knob.scheduler": ("Scheduler", "调度器"),
    "knob.eta": ("Eta", "随机程度"),
    "knob.strength": ("Strength", "改动强度"),
    "knob.width": ("Width", "宽度"),
    "knob.height": ("Height", "高度"),
    "knob.variance": ("Variance", "方差"),
    "knob.clip_guidance": ("CLIP guidance", "CLIP 引导"),
    "knob.rule": ("Rule", "更新规则"),
    "knob.rate": ("Rate", "步长"),
    "knob.final": ("Final rate", "末步步长"),
    "knob.limit": ("Limit", "界限"),
    "knob.average": ("Average", "平均"),
    "knob.begin": ("Begins with", "起点"),
    "knob.negative": ("Push away", "排斥强度"),
    "knob.tower": ("CLIP that judges", "由哪个 CLIP 评判"),
    "knob.crops": ("Crops", "裁片数"),
    "knob.whole": ("First crop is the whole", "第一片为整图"),
    "knob.smallest": ("Smallest crop", "最小裁片"),
    "knob.cut_power": ("Small crops", "小裁片倾向"),
    "knob.rotate": ("Turn", "旋转"),
    "knob.shift": ("Shift", "平移"),
    "knob.perspective": ("Bend", "透视"),
    "knob.flip": ("Mirror", "镜像"),
    "knob.colour": ("Tint", "调色"),
    "knob.noise": ("Noise", "噪声"),
    "knob.erase": ("Holes", "挖洞"),
    "knob.embedding": ("Embedding from", "嵌入来自"),
    "knob.prior_steps": ("Prior steps", "先验步数"),
    "knob.prior_guidance": ("Prior guidance", "先验引导"),
    "knob.candidates": ("Candidates", "候选数"),
    "knob.upsample": ("Enlarge", "放大"),
    "knob.upsample_steps": ("Enlarging steps", "放大步数"),
    "about.steps": ("how often the net is asked; more is slower", "询问网络的次数，越多越慢"),
    "about.guidance": ("how closely it holds to the sentence; 1 is off", "贴近句子的程度，1 为关闭"),
    "about.guidance_from": ("share of the way, the last; 1 is all of it", "占全程的最后多少，1 为全部"),
    "about.scheduler": ("how a step is taken", "每一步怎么走"),
    "about.eta": ("chance within a step, for DDIM", "步内的随机，用于 DDIM"),
    "about.strength": ("how much of a given picture may change", "给定图片允许改变多少"),
    "about.width": ("in pixels", "以像素计"),
    "about.height": ("in pixels", "以像素计"),
    "about.variance": ("of the noise in a step, for DDPM", "步内噪声的方差，用于 DDPM"),
    "about.clip_guidance": ("CLIP pulls at every step; 0 is off", "CLIP 每步都拉一把，0 为关闭"),
    "about.rule": ("how the gradient moves the tiles", "梯度怎样移动瓷砖"),
    "about.rate": ("how far a step goes", "一步走多远"),
    "about.final": ("share of the rate at the last step", "最后一步的步长比例"),
    "about.limit": ("how far tiles may go", "瓷砖最远走多远"),
    "about.average": ("how much of the old stays in what is shown", "画面里保留多少旧的"),
    "about.begin": ("noise, or random tiles", "噪声，或随机瓷砖"),
    "about.negative": ("weight of what to avoid", "要避免之物的权重"),
    "about.tower": ("the robust one is not fooled by texture", "稳健的那个不会被纹理欺骗"),
    "about.crops": ("looks at the picture in every step", "每一步看画面的次数"),
    "about.whole": ("one look takes in everything", "有一眼看全图"),
    "about.smallest": ("share of the shorter side", "占短边的比例"),
    "about.cut_power": ("above 1 small crops are likelier", "大于 1 时小裁片更多"),
    "about.rotate": ("degrees, at most", "最多多少度"),
    "about.shift": ("share of the crop, at most", "最多占裁片多少"),
    "about.perspective": ("share of the crop, at most", "最多占裁片多少"),
    "about.flip": ("swaps left and right", "会对调左右"),
    "about.colour": ("how much colours may differ", "颜色允许变多少"),
    "about.noise": ("added before CLIP looks", "在 CLIP 看之前加入"),
    "about.erase": ("share of the crop left out", "裁片里挖掉多少"),
    "about.embedding": ("what the decoder is told", "告诉解码器什么"),
    "about.prior_steps": ("to imagine the embedding", "想象嵌入所用的步数"),
    "about.prior_guidance": ("how closely the prior holds to the sentence", "先验贴近句子的程度"),
    "about.candidates": ("imagined; the best is painted", "想象几个，画最好的"),
    "enlarge": ("Enlarge every picture", "每幅画都放大"),
    "about.enlarge": ("four times as wide; judged are the small ones", "放大到四倍宽；评判看的仍是小图"),
    "about.upsample": ("four times larger at the end", "最后放大四倍"),
    "about.upsample_steps": ("of the enlargement", "放大所用的步数"),
    "choice.own": ("its own", "自身"),
    "choice.True": ("yes", "是"),
    "choice.False": ("no", "否"),
    "choice.beta": ("beta", "β"),
    "choice.posterior": ("posterior", "后验"),
    "choice.climb": ("climb", "攀登"),
    "choice.noise": ("noise", "噪声"),
    "choice.codes": ("random tiles", "随机瓷砖"),
    "choice.robust": ("robust", "稳健"),
    "choice.ordinary": ("ordinary", "普通"),
    "choice.prior": ("the prior", "先验"),
    "choice.text": ("the sentence itself", "句子本身"),
    "choice.image": ("a picture", "一张图片"),
}
WORDS |= {f"kind.{kind}": (kind, name) for kind, (_, name, _) in KINDS.items()}
WORDS |= {f"colour.{name}": (name, f"{word}色") for name, (word, _) in COLOURS.items()}
WORDS |= {f"size.{name}": (name, word) for name, word in SIZES.items()}
WORDS |= {f"background.{name}": (english[0], chinese[0]) for name, (english, chinese) in BACKGROUNDS.items()}
WORDS |= {f"relation.{name}": (english[0], chinese) for name, (english, chinese) in RELATIONS.items()}
WORDS |= {"count.1": ("one", "一个"), "count.2": ("two", "两个"), "count.3": ("three", "三个")}

for tab in (latent, pixel, vqgan_clip, unclip, models, info, weights, api):
    WORDS |= tab.WORDS

# Sentences to begin with; all of them are known, some hold a pair of thing and colour that was never trained on.
EXAMPLES = {
    "en": (
        "a large red cat in a meadow",
        "a yellow moon above a small blue boat at night",
        "three white stars at night",
        "a red rocket above a house in the snow",
        "a pink umbrella left of a green tree on a beach",
    ),
    "zh": (
        "草地上的一只红色的大猫",
        "夜里，一个黄色的月亮在一艘蓝色的小船的上方",
        "夜里有三颗白色的星星",
        "雪地里，一枚红色的火箭在一座房子的上方",
        "沙滩上，一把粉色的雨伞在一棵绿色的树的左边",
    ),
}

# Names that stay as they are in Chinese.
NAMES = frozenset((
    "Stable", "Diffusion",
    "VQGAN", "CLIP", "DALL", "E", "DDPM", "DDIM", "DPM", "Heun", "Euler", "Adam", "Paint", "English", "PNG", "Quartet",
    "HF", "TOKEN", "ENDPOINT", "HUB", "OFFLINE", "QUARTET", "HOME",  # of environment variables
))  # fmt: skip


def say(key: str, language: str, **values: object) -> str:
    """The words of `key`, its fields filled in; a field may be words itself, {"key": ..., "values": ...}, or a list.

    ValueError for a key or language there is not.
    """
    if key not in WORDS or language not in LANGUAGES:
        raise ValueError(f"words for {key!r} in {language!r}; add them to lab/ui/words ({', '.join(LANGUAGES)})")
    text = WORDS[key][LANGUAGES.index(language)]
    said = {name: _filled(value, language) for name, value in values.items()}
    return text.format(**said) if said else text


def _filled(value: object, language: str) -> object:
    if isinstance(value, dict):
        return say(value["key"], language, **value["values"])
    if isinstance(value, list):
        return ("、" if language == "zh" else ", ").join(str(_filled(one, language)) for one in value)
    return value


def catalogue() -> dict[str, dict[str, str]]:
    """All words by language, as the browser reads them."""
    return {language: {key: pair[i] for key, pair in WORDS.items()} for i, language in enumerate(LANGUAGES)}

"""The words of Storybook, English and Chinese: a table, and nothing else.

Every kind: plural, Chinese name, Chinese measure word.  The first phrase of a list is the plain one.
"""

KINDS = {
    "ball": ("balls", "球", "个"),
    "house": ("houses", "房子", "座"),
    "tree": ("trees", "树", "棵"),
    "boat": ("boats", "船", "艘"),
    "car": ("cars", "汽车", "辆"),
    "fish": ("fish", "鱼", "条"),
    "cat": ("cats", "猫", "只"),
    "flower": ("flowers", "花", "朵"),
    "mushroom": ("mushrooms", "蘑菇", "个"),
    "rocket": ("rockets", "火箭", "枚"),
    "star": ("stars", "星星", "颗"),
    "heart": ("hearts", "心", "颗"),
    "balloon": ("balloons", "气球", "个"),
    "umbrella": ("umbrellas", "雨伞", "把"),
    "cup": ("cups", "杯子", "个"),
    "moon": ("moons", "月亮", "个"),
    "kite": ("kites", "风筝", "只"),
    "crown": ("crowns", "皇冠", "顶"),
}

COLOURS = {
    "red": ("红", (222, 46, 46)),
    "orange": ("橙", (243, 138, 34)),
    "yellow": ("黄", (250, 212, 56)),
    "green": ("绿", (58, 166, 76)),
    "blue": ("蓝", (48, 104, 222)),
    "purple": ("紫", (134, 66, 178)),
    "pink": ("粉", (246, 142, 188)),
    "brown": ("棕", (130, 84, 48)),
    "black": ("黑", (44, 44, 52)),
    "white": ("白", (246, 246, 248)),
}

SIZES = {"small": "小", "large": "大"}

BACKGROUNDS = {
    "meadow": (("in a meadow", "on the grass"), ("草地上",)),
    "beach": (("on a beach", "at the beach"), ("沙滩上", "海滩上")),
    "night": (("at night", "under the night sky"), ("夜里", "夜空下")),
    "snow": (("in the snow", "on a snowy day"), ("雪地里", "雪地上")),
    "sunset": (("at sunset", "in the evening"), ("夕阳下", "傍晚")),
    "sea": (("in the sea", "at sea"), ("大海上", "海上")),
}

RELATIONS = {
    "left of": (("left of", "to the left of"), "左边"),
    "right of": (("right of", "to the right of"), "右边"),
    "above": (("above", "over"), "上方"),
    "below": (("below", "under"), "下方"),
    "and": (("and", "with"), "和"),
}

COUNTS = {1: ("a", "一"), 2: ("two", "两"), 3: ("three", "三")}

# Other ways to write a known word, so that the grammar reads more than it says.
SPELLINGS = {
    "an": "a", "one": "a", "2": "two", "3": "three", "big": "large", "huge": "large", "little": "small", "tiny": "small",
    "sailboat": "boat", "ship": "boat", "kitty": "cat", "kitten": "cat", "fishes": "fish", "violet": "purple",
    "crescent": "moon", "mug": "cup", "cottage": "house", "on": "above", "beneath": "below", "underneath": "below",
}  # fmt: skip
CHINESE_SPELLINGS = {
    "二": "两", "2": "两", "3": "三", "1": "一", "粉红": "粉", "褐": "棕", "咖啡": "棕", "橘": "橙", "紅": "红", "黃": "黄", "綠": "绿",
    "藍": "蓝", "车": "汽车", "帆船": "船", "猫咪": "猫", "月牙": "月亮", "伞": "雨伞", "爱心": "心",
    "花朵": "花", "星": "星星", "房屋": "房子", "左侧": "左边", "左面": "左边", "右侧": "右边", "右面": "右边", "上面": "上方", "上边": "上方",
    "下面": "下方", "下边": "下方", "与": "和", "晚上": "夜里", "夜晚": "夜里", "雪中": "雪地里", "海边": "海滩上", "海里": "大海上", "海面上": "海上",
    "草坪上": "草地上", "日落": "夕阳下", "夕阳": "夕阳下",
}  # fmt: skip

FILLERS = {
    "the", "of", "is", "are", "there", "picture", "painting", "drawing", "photo", "some", "it", "to", "coloured", "colored",
}  # fmt: skip
CHINESE_FILLERS = {
    "色", "的", "在", "是", "有", "一幅", "一张", "画", "图", "图画", "照片", "，", "。", "、", "；", "里", "着",
    "个", "座", "棵", "艘", "辆", "条", "只", "朵", "枚", "颗", "把", "顶", "幅", "张", "片",
}  # fmt: skip

# What people ask for that Storybook does not know, with the known words nearest in meaning.
RELATED = {
    "dog": ("cat",), "horse": ("cat",), "rabbit": ("cat",), "lion": ("cat",), "tiger": ("cat",), "animal": ("cat", "fish"),
    "bird": ("kite", "balloon"), "butterfly": ("kite", "flower"), "plane": ("rocket", "kite"), "airplane": ("rocket", "kite"),
    "astronaut": ("rocket", "moon"), "spaceship": ("rocket",), "robot": ("rocket", "car"), "dragon": ("kite", "rocket"),
    "sun": ("ball", "moon", "star"), "planet": ("ball", "moon"), "apple": ("ball", "heart"), "bus": ("car",), "truck": ("car",),
    "train": ("car",), "bike": ("car",), "castle": ("house", "crown"), "building": ("house",), "rose": ("flower",),
    "king": ("crown",), "queen": ("crown",), "shark": ("fish",), "whale": ("fish",), "glass": ("cup",), "bottle": ("cup",),
    "forest": ("tree", "meadow"), "field": ("meadow",), "ocean": ("sea",), "lake": ("sea",), "river": ("sea",), "sand": ("beach",),
    "winter": ("snow",), "dusk": ("sunset",), "dark": ("night",), "grey": ("white", "black"), "gray": ("white", "black"),
    "gold": ("yellow",), "golden": ("yellow",), "silver": ("white",), "turquoise": ("blue", "green"), "cyan": ("blue",),
    "four": ("three",), "five": ("three",), "many": ("three",), "near": ("and",), "behind": ("above",),
    "狗": ("猫",), "马": ("猫",), "兔子": ("猫",), "鸟": ("风筝", "气球"), "飞机": ("火箭", "风筝"), "宇航员": ("火箭", "月亮"),
    "太阳": ("球", "月亮"), "苹果": ("球", "心"), "公主": ("皇冠",), "国王": ("皇冠",), "城堡": ("房子", "皇冠"), "灰": ("白", "黑"),
    "金": ("黄",), "四": ("三",), "五": ("三",), "蝴蝶": ("风筝", "花"), "龙": ("风筝", "火箭"), "森林": ("树", "草地上"),
}  # fmt: skip

#!/usr/bin/env python3
"""Writes json_cases.txt: what Google's own JSON mapping makes of each case below.

    protoc --descriptor_set_out=types.desc -I .. ../types.proto
    python3 -m venv venv && venv/bin/pip install protobuf==4.25.3
    venv/bin/python judge.py types.desc > json_cases.txt

A case is JSON text, or the bytes of a message in hexadecimal. Its verdict, one a line, separated by tabs:

    json  TYPE  TEXT  ok      CANONICAL   JSON that is taken, and what comes back
    json  TYPE  TEXT  error               JSON that is refused
    wire  TYPE  HEX   ok      CANONICAL   bytes, and their JSON
    wire  TYPE  HEX   error               malformed bytes

Where we differ from the judge on purpose, STRICTER ("strict" in the file, refused) and LOOSER say why.
"""
import json
import struct
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

PACKAGE = "rpc.types."


def classes(path):
    files = descriptor_pb2.FileDescriptorSet.FromString(open(path, "rb").read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(PACKAGE + name))


def canonical(message):
    return json.dumps(json_format.MessageToDict(message), separators=(",", ":"), ensure_ascii=False)


# ---- JSON text ----

INTEGERS = {
    "fInt32": (-2**31, 2**31 - 1), "fSint32": (-2**31, 2**31 - 1), "fSfixed32": (-2**31, 2**31 - 1),
    "fUint32": (0, 2**32 - 1), "fFixed32": (0, 2**32 - 1),
    "fInt64": (-2**63, 2**63 - 1), "fSint64": (-2**63, 2**63 - 1), "fSfixed64": (-2**63, 2**63 - 1),
    "fUint64": (0, 2**64 - 1), "fFixed64": (0, 2**64 - 1),
}


def integer_cases():
    for field, (low, high) in INTEGERS.items():
        for value in (low, low + 1, 1, high - 1, high):
            yield "Scalars", f'{{"{field}":{value}}}'
            yield "Scalars", f'{{"{field}":"{value}"}}'
        for value in (low - 1, high + 1, 10**30):
            yield "Scalars", f'{{"{field}":{value}}}'
            yield "Scalars", f'{{"{field}":"{value}"}}'
        for text in ("0", '"0"', "1.0", "1e2", "1E+2", "5.00e1", '"1e2"', "1.5", "15e-1", '"1.5"', "1e-1", "true",
                     '"x"', '""', '" 1"', '"1 "', "[1]", "{}", "null", "-0", '"+1"', "0x10", '"0x10"', "01", "1.",
                     ".5", "--1", "1e400", '"NaN"', '"Infinity"'):
            yield "Scalars", f'{{"{field}":{text}}}'


def float_cases():
    for field in ("fDouble", "fFloat"):
        for text in ("0", "-0.0", "1", "-1", "0.5", "0.1", "1e10", "1e-10", "123456789", "16777217", '"1.5"', '"1e3"',
                     '"NaN"', '"Infinity"', '"-Infinity"', "1e38", "-1e38", "1e-45", "1e-46", "3.4028234e38",
                     "3.141592653589793", "2.2250738585072014e-308", "4.9e-324", "1e308", "1e309", "-1e309", '"1e309"',
                     '"nan"', '"inf"', '"infinity"', '"-NaN"', '"+Infinity"', "true", '"x"', '""', "[]", "null", "1.",
                     ".5", "+1", "1e", "1e+", "00", "-", '"1.5x"'):
            yield "Scalars", f'{{"{field}":{text}}}'
    yield "Scalars", '{"fFloat":3.5e38}'
    yield "Scalars", '{"fFloat":-3.5e38}'
    yield "Scalars", '{"fDouble":3.5e38}'


def other_scalar_cases():
    for text in ("true", "false", "null", "1", "0", '"true"', '"false"', "[]", "True", "truex"):
        yield "Scalars", f'{{"fBool":{text}}}'
    for text in ('"LEVEL_LOW"', '"LEVEL_HIGH"', '"LEVEL_BELOW"', '"LEVEL_NONE"', "1", "7", "-3", "0", "99", "-99",
                 "2147483647", "-2147483648", "2147483648", "1.0", "1.5", '"level_low"', '"LEVEL"', '""', "true",
                 "null", "[]", '"LEVEL_LOW "'):
        yield "Scalars", f'{{"fLevel":{text}}}'
    for text in ('"ALIASED_ONE"', '"ALIASED_UNO"', "1"):
        yield "Scalars", f'{{"fAliased":{text}}}'
    for text in ('""', '"a"', '"\\u00e9"', '"é"', '"€"', '"😀"', '"\\ud83d\\ude00"', '"\\uD83D\\uDE00"', '"\\ud83d"',
                 '"\\ude00"', '"\\ud83dx"', '"\\ud83d\\u0041"', '"\\ude00\\ud83d"', '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
                 '"\\u001f"', '"\\u007f"', '"\\uffff"', '"\\uFFFD"', '"\\ufeff"', '"\\u2028"', '"\\x41"', '"\\u12"',
                 '"\\u12g4"', '"\\', '"open', "a", "1", "true", "null", "[]", "{}", '"a" "b"', "'a'"):
        yield "Scalars", f'{{"fString":{text}}}'
    for text in ('""', '"AA=="', '"AAA="', '"AAAA"', '"AA"', '"AAA"', '"+/+/"', '"-_-_"', '"+_-/"', '"//8="', '"__8"',
                 '"aGVsbG8="', '"aGVsbG8"', "1", "null", "[]", '"A"', '"AAAAA"'):
        yield "Scalars", f'{{"fBytes":{text}}}'


def list_cases():
    for field, one, bad in (("doubles", "1.5", '"x"'), ("floats", "0.5", "{}"), ("int64s", '"-5"', "1.5"),
                            ("uint64s", "5", "-5"), ("int32s", "-5", '"5x"'), ("fixed64s", '"5"', "-1"),
                            ("fixed32s", "5", "4294967296"), ("bools", "true", "1"), ("strings", '"s"', "1"),
                            ("blobs", '"AQID"', '1'), ("uint32s", "5", "-1"), ("levels", '"LEVEL_LOW"', '"LOW"'),
                            ("sfixed32s", "-5", "2147483648"), ("sfixed64s", '"-5"', '"x"'), ("sint32s", "-5", "true"),
                            ("sint64s", '"-5"', "[]"), ("messages", '{"fInt32":1}', '{"fInt32":true}'),
                            ("unpacked", "-5", "null")):
        for text in ("[]", f"[{one}]", f"[{one},{one},{one}]", f" [ {one} , {one} ] ", f"[{one},]", f"[,{one}]",
                     f"[{one} {one}]", f"[{bad}]", f"[{one},{bad}]", "[null]", f"[{one},null]", one, "null", f"[{one}",
                     f"[[{one}]]"):
            yield "Lists", f'{{"{field}":{text}}}'


def structure_cases():
    yield from (("Tree", text) for text in (
        "{}", " { } ", '{"leaf":{}}', '{"leaf":null}', '{"leaf":[]}', '{"leaf":"x"}', '{"leaf":{"kind":"KIND_NEEDLE"}}',
        '{"leaf":{"kind":1,"name":"n"}}', '{"leaf":{"Kind":1}}', '{"leaves":[{},{"name":"b"},{}]}', '{"leaves":{}}',
        '{"leaves":[{"name":"a"}],"leaf":{"name":"b"}}', '{"scalars":{"fInt32":1},"lists":{"int32s":[1,2]}}',
        '{"unknown":1}', '{"leaf":{"unknown":1}}', '{"leaf":{}}x', '{"leaf":{}', '{"leaf"}', '{"leaf":}', '{leaf:{}}',
        '{"leaf":{},}', '{,}', "", "null", "[]", "1", '"x"', "{", "}", '{"leaf":{"name":"a"},"leaf":{"name":"b"}}',
        '{"leaf":null,"leaf":null}', '{"leaf" {}}', '{"leaf":{}  "leaves":[]}', '{"":1}', '{"leaf":nul}',
        '{"leaf":{"name":"a","name":"b"}}', '{"leaf":{"name":null}}'))
    yield from (("Choice", text) for text in (
        '{"text":"a"}', '{"text":""}', '{"number":0}', '{"number":5}', '{"flag":false}', '{"flag":true}', '{"leaf":{}}',
        '{"level":"LEVEL_NONE"}', '{"level":0}', '{"blob":""}', '{"blob":"AQ=="}', '{"text":"a","number":1}',
        '{"number":1,"text":"a"}', '{"text":"a","text":"b"}', '{"text":"a","otherText":"b"}',
        '{"text":"a","otherNumber":0,"beside":"c"}', '{"text":null}', '{"number":null}', '{"leaf":null}',
        '{"otherText":"a","otherNumber":1}', '{"beside":""}', '{"flag":false,"leaf":{}}'))
    for name in ("plain", "twoWords", "two_words", "threeWordName", "three_word_name", "doubleUnderscore",
                 "double__underscore", "double_Underscore", "trailing", "trailing_", "digit1Inside", "digit_1_inside",
                 "alreadyCamel", "already_camel", "UPPERCASE", "UPPER_CASE", "upperCase", "own-name", "custom",
                 "highNumber", "high_number", "TwoWords", "two-words", "twowords", "two_words "):
        yield "Names", f'{{"{name}":1}}'
    yield "Names", '{"twoWords":1,"two_words":2}'
    yield "Names", '{"two\\u0057ords":1}'


# Taken by the judge, refused here: it is looser than the specification, or than C code can be.
STRICTER = {
    '{"fString":"\\u0000"}': "no NUL in a string: generated C code could not tell its end",
    '{"fString":"a\\u0000b"}': "the same",
    '{"fLevel":"1"}': "a number in quotes is no name of an enum",
    '{"fLevel":1.5}': "not whole",
    '{"fLevel":true}': "no number",
    '{"fBytes":"AA="}': "padding that is not whole",
    '{"fBytes":"A A="}': "characters that base64 does not have",
    '{"fBytes":"A*A="}': "the same",
    '{"fBytes":"A=AA"}': "padding in the middle",
    '{"leaf":[]}': "a list is no object",
    "[]": "the same",
    '{"text":null,"text":null}': "a name that is given twice",
    '{"twoWords":1,"two_words":2}': "the same in two spellings",
}
for _field in ("fDouble", "fFloat"):
    for _text in ("NaN", "Infinity", "-Infinity", '"inf"', '"infinity"', '"-NaN"', '"+Infinity"', '"1e309"', "true"):
        STRICTER[f'{{"{_field}":{_text}}}'] = "no number of JSON, or out of range"
for _field in INTEGERS:
    STRICTER[f'{{"{_field}":"+1"}}'] = "no number of JSON"

# Refused by the judge, taken here: the specification takes exponents "in both quoted and unquoted forms".
LOOSER = {f'{{"{_field}":"1e2"}}': f'{{"{_field}":{100 if "32" in _field else chr(34) + "100" + chr(34)}}}'
          for _field in INTEGERS}

# ---- bytes ----


def varint(value):
    value &= 2**64 - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def tag(number, kind):
    return varint(number << 3 | kind)


def blob(number, data):
    return tag(number, 2) + varint(len(data)) + data


def wire_cases():
    yield "Scalars", b""
    for number in (3, 4, 5, 8, 11, 12, 15, 16):
        for value in (0, 1, 2, 127, 128, 300, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 5, 2**63 - 1, 2**63, -1, -300):
            yield "Scalars", tag(number, 0) + varint(value)
        yield "Scalars", tag(number, 0) + b"\x80" * 9 + b"\x00"
        yield "Scalars", tag(number, 0) + b"\x85\x80\x00"
        yield "Scalars", tag(number, 0) + varint(1) + tag(number, 0) + varint(2)
    for number, kind in ((7, "I"), (13, "i"), (2, "f")):
        for value in (0, 1, 3):
            yield "Scalars", tag(number, 5) + struct.pack("<" + kind, value)
        yield "Scalars", tag(number, 5) + b"\xff\xff\xff\x7e"
        yield "Scalars", tag(number, 5) + b"\x01\x02\x03"
    for number, kind in ((6, "Q"), (14, "q"), (1, "d")):
        for value in (0, 1, 3):
            yield "Scalars", tag(number, 1) + struct.pack("<" + kind, value)
        yield "Scalars", tag(number, 1) + b"\xff\xff\xff\xff\xff\xff\xef\x7f"
        yield "Scalars", tag(number, 1) + b"\x01\x02\x03\x04\x05\x06\x07"
    for value in (b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\0\0\x80\xff", b"\0\0\0\x80", b"\x01\0\0\0", b"\xff\xff\x7f\x7f"):
        yield "Scalars", tag(2, 5) + value
    for text in ("", "a", "é€😀", '"\\\b\f\n\r\t\x01\x1f\x7f', "\u2028\ufeff\uffff"):
        yield "Scalars", blob(9, text.encode())
    for text in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\xc3"):
        yield "Scalars", blob(9, text)
    for n in range(7):
        yield "Scalars", blob(10, bytes(range(250, 250 + n)) if n < 6 else b"\0" * 6)
    yield "Scalars", blob(9, b"a") + blob(9, b"b")
    yield "Scalars", blob(9, b"a") + blob(9, b"")
    # Lists: packed, unpacked, mixed, in pieces; each form is legal for each numeric field.
    for number in (3, 4, 5, 8, 11, 12, 15, 16, 18):
        one, two = varint(1), varint(2**31 + 1)
        yield "Lists", blob(number, one + two)
        yield "Lists", tag(number, 0) + one + tag(number, 0) + two
        yield "Lists", blob(number, one) + tag(number, 0) + two + blob(number, two + one)
        yield "Lists", blob(number, b"")
        yield "Lists", blob(number, b"\x80")
        yield "Lists", blob(number, one) + blob(9, b"between") + blob(number, two)
    for number, size in ((7, 4), (13, 4), (2, 4), (6, 8), (14, 8), (1, 8)):
        kind = 5 if size == 4 else 1
        yield "Lists", blob(number, b"\0" * size * 2)
        yield "Lists", tag(number, kind) + b"\0" * size + blob(number, b"\0" * size)
        yield "Lists", blob(number, b"\0" * (size - 1))
    yield "Lists", blob(9, b"a") + blob(10, b"\1") + blob(9, b"") + blob(10, b"")
    yield "Lists", blob(17, b"") + blob(17, tag(5, 0) + b"\x01")
    # Messages: given twice they merge, of a oneof the last counts.
    leaf, other = tag(1, 0) + b"\x01", blob(2, b"name")
    yield "Tree", blob(1, leaf)
    yield "Tree", blob(1, leaf) + blob(1, other)
    yield "Tree", blob(1, other) + blob(1, b"")
    yield "Tree", blob(1, leaf + other) + blob(1, tag(1, 0) + b"\x00")
    yield "Tree", blob(3, tag(5, 0) + b"\x01") + blob(1, leaf) + blob(3, tag(11, 0) + b"\x02")
    yield "Tree", blob(4, blob(5, b"\x01")) + blob(4, blob(5, b"\x02"))
    yield "Tree", blob(1, b"\x0a")
    yield "Tree", blob(2, leaf) + blob(2, other)
    yield "Choice", blob(1, b"a") + tag(2, 0) + b"\x05"
    yield "Choice", tag(2, 0) + b"\x05" + blob(1, b"a")
    yield "Choice", blob(1, b"a") + blob(4, leaf)
    yield "Choice", blob(4, leaf) + blob(4, other)
    yield "Choice", blob(4, leaf) + blob(1, b"a") + blob(4, other)
    yield "Choice", blob(1, b"a") + blob(7, b"b") + tag(8, 1) + b"\0" * 8
    yield "Choice", blob(1, b"") + blob(9, b"")
    # What is not known is passed over.
    yield "Tree", tag(99, 0) + b"\x05" + blob(1, leaf) + tag(98, 5) + b"1234" + tag(97, 1) + b"12345678" + blob(96, b"x")
    yield "Names", tag(536870911, 0) + b"\x01"
    yield "Scalars", tag(2000, 0)
    yield "Scalars", b"\x00\x00"
    yield "Scalars", b"\x2f\x01"
    yield "Scalars", b"\x28"
    yield "Scalars", b"\x28\x80"
    yield "Scalars", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"
    yield "Scalars", b"\x4a\xff\xff\xff\xff\x0f"


def strict_cases():
    for text in STRICTER:
        yield "Choice" if "text" in text else "Scalars" if '"f' in text else "Names" if "two" in text else "Tree", text


def verdict_of_json(cls, text):
    if text in STRICTER:
        return ["strict"]
    if text in LOOSER:
        return ["ok", LOOSER[text]]
    try:
        message = json_format.Parse(text, cls())
        message.SerializeToString()
        return ["ok", canonical(message)]
    except (json_format.ParseError, ValueError, UnicodeError, TypeError):
        return ["error"]


def verdict_of_wire(cls, data):
    try:
        return ["ok", canonical(cls.FromString(data))]
    except Exception:  # DecodeError, UnicodeDecodeError: whichever implementation is behind it
        return ["error"]


def main():
    find = classes(sys.argv[1])
    print("# Made by judge.py; see there.")
    seen = set()
    sources = (integer_cases(), float_cases(), other_scalar_cases(), list_cases(), structure_cases(), strict_cases())
    for kind, text in (case for source in sources for case in source):
        if (kind, text) not in seen:
            seen.add((kind, text))
            print("json", kind, text, *verdict_of_json(find(kind), text), sep="\t")
    for kind, data in wire_cases():
        print("wire", kind, data.hex(), *verdict_of_wire(find(kind), data), sep="\t")


main()

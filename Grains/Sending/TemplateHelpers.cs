using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using HandlebarsDotNet;
using HandlebarsDotNet.PathStructure;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Sending;

/// <summary>
/// The helpers of templates, as docs/templates.md describes them. Each is a function of its arguments and of the rendering's locale and zone. One that
/// is given a missing value answers that it is missing. What it writes is escaped like any value.
/// </summary>
internal static class TemplateHelpers
{
    private delegate object? Helper(Arguments values);

    private static readonly (string Name, int Min, int Max, Helper Helper)[] Formatting =
    [
        ("money", 1, 2, static values => Money(values)),
        ("number", 1, 2, static values => Grouped(Number("number", values[0]), values.Length > 1 ? Count("number", values[1], 10) : null)),
        ("date", 1, 2, static values => Date(values[0], values.Length > 1 ? Text(values[1]) : "medium")),
        ("dateAdd", 2, 2, static values => DateAdd(values[0], Text(values[1]))),
        ("plural", 3, 5, static values => values[1 + TemplateRendering.Current.Language.PluralForm(Number("plural", values[0]), values.Length - 1)]),
        ("join", 1, 3, static values => Join(values[0], values.Length > 1 ? Text(values[1]) : ", ", values.Length > 2 ? Text(values[2]) : null)),
        ("upper", 1, 1, static values => Text(values[0]).ToUpperInvariant()),
        ("lower", 1, 1, static values => Text(values[0]).ToLowerInvariant()),
        ("capitalize", 1, 1, static values => Capitalize(Text(values[0]))),
        ("truncate", 2, 3, static values => Truncate(Text(values[0]), Count("truncate", values[1], 10_000), values.Length > 2 ? Text(values[2]) : "…")),
        ("urlencode", 1, 1, static values => Uri.EscapeDataString(Text(values[0]))),
        ("content", 1, 2, static values => TemplateRendering.Current.Content(Text(values[0]), values.Length > 1 ? Text(values[1]) : null)),
        ("json", 1, 1, static values => ToJson(values[0])),
    ];

    /// <summary>These ask whether something is there, so that nothing is missing from them.</summary>
    private static readonly (string Name, int Min, int Max, Helper Helper)[] Asking =
    [
        ("default", 2, 2, static values => IsThere(values[0]) ? values[0] : values[1]),
        ("first", 1, 2, static values => values[0] is TemplateList list ? list.First(values.Length > 1 ? Count("first", values[1], int.MaxValue) : 1) : null),
        ("eq", 2, 2, static values => AreEqual(values[0], values[1])),
        ("ne", 2, 2, static values => !AreEqual(values[0], values[1])),
        ("gt", 2, 2, static values => Compare(values[0], values[1]) > 0),
        ("gte", 2, 2, static values => Compare(values[0], values[1]) >= 0),
        ("lt", 2, 2, static values => Compare(values[0], values[1]) < 0),
        ("lte", 2, 2, static values => Compare(values[0], values[1]) <= 0),
        ("and", 1, 16, static values => values.All(IsTrue)),
        ("or", 1, 16, static values => values.Any(IsTrue)),
        ("not", 1, 1, static values => !IsTrue(values[0])),
    ];

    public static void Register(IHandlebars handlebars)
    {
        foreach (var (name, min, max, helper) in Formatting)
            Register(handlebars, name, min, max, values => values.FirstOrDefault(static value => value is UndefinedBindingResult) ?? helper(values));
        foreach (var (name, min, max, helper) in Asking)
            Register(handlebars, name, min, max, helper);
        // Handlebars' own would say of what is missing only its name, not its path.
        handlebars.RegisterHelper("helperMissing", static (in HelperOptions options, in Context _, in Arguments _) => Field(options));
    }

    private static void Register(IHandlebars handlebars, string name, int min, int max, Helper helper) =>
        handlebars.RegisterHelper(name, (in HelperOptions options, in Context _, in Arguments values) =>
        {
            // Without arguments it is a field that happens to have the name of a helper.
            if (values.Length == 0)
                return Field(options);
            if (values.Length < min || values.Length > max)
                throw new TemplateException($"{name} takes {(min == max ? $"{min}" : $"{min} to {max}")} values.");
            return helper(values)!;
        });

    private static object Field(in HelperOptions options) => PathResolver.ResolvePath(options.Frame, options.Name)!;

    private static string Grouped(decimal number, int? decimals) => TemplateRendering.Current.Locale.Number(number, decimals);

    private static string Money(Arguments values)
    {
        var amount = Number("money", values[0]);
        var currency = values.Length > 1 ? Text(values[1]).ToUpperInvariant() : null;
        if (currency is null)
            return Grouped(amount, 2);
        return currency is [>= 'A' and <= 'Z', >= 'A' and <= 'Z', >= 'A' and <= 'Z']
            ? TemplateRendering.Current.Locale.Money(amount, currency)
            : throw new TemplateException("money: the currency is no ISO 4217 code such as \"EUR\".");
    }

    private static string Date(object? value, string format)
    {
        var (at, isDay) = Instant("date", value);
        var local = isDay ? at : TimeZoneInfo.ConvertTime(at, TemplateRendering.Current.Zone);
        if (format.Length is 0 or > 100)
            throw new TemplateException("date: the format has 1 to 100 characters.");
        try
        {
            return TemplateRendering.Current.Locale.Date(local, format);
        }
        catch (FormatException fault)
        {
            throw new TemplateException("date: there is no such format.", fault);
        }
    }

    private static string DateAdd(object? value, string duration)
    {
        var (at, isDay) = Instant("dateAdd", value);
        var isBack = duration.StartsWith('-');
        if (!Iso8601Duration.TryParse(isBack ? duration[1..] : duration, out var length))
            throw new TemplateException("dateAdd: the duration is not one of ISO 8601, such as \"P3D\" or \"-PT1H\".");
        try
        {
            var moved = isBack ? at - length : at + length;
            return moved.UtcDateTime.ToString(isDay && moved.TimeOfDay == default ? "yyyy-MM-dd" : "yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        }
        catch (ArgumentOutOfRangeException fault)
        {
            throw new TemplateException("dateAdd: there is no such day.", fault);
        }
    }

    /// <summary>An instant of ISO 8601, or a day, which is the same in every zone.</summary>
    private static (DateTimeOffset At, bool IsDay) Instant(string helper, object? value)
    {
        var text = Text(value);
        if (DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day))
            return (new(day, default, TimeSpan.Zero), true);
        return text.Length is >= 16 and <= 40
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            // A day of slack, so that it is a time in every zone.
            && at.UtcDateTime > DateTime.MinValue.AddDays(1) && at.UtcDateTime < DateTime.MaxValue.AddDays(-1)
                ? (at, false)
                : throw new TemplateException($"{helper}: the value is no time of ISO 8601.");
    }

    private static string Join(object? value, string separator, string? field)
    {
        var items = value as TemplateList ?? throw new TemplateException("join: the value is no list.");
        var text = new StringBuilder();
        foreach (var item in items)
        {
            var part = Text(field is null ? item : (item as TemplateObject)?.Fields.GetValueOrDefault(field));
            if (part.Length == 0)
                continue;
            text.Append(text.Length == 0 ? "" : separator).Append(part);
            if (text.Length > Template.OutputLengthMax)
                throw new TemplateException("join: the list is too long.");
        }
        return text.ToString();
    }

    private static string Capitalize(string text)
    {
        if (text.Length == 0 || !Rune.TryGetRuneAt(text, 0, out var first))
            return text;
        return Rune.ToUpperInvariant(first) + text[first.Utf16SequenceLength..];
    }

    /// <summary>Counts what a reader takes for characters (grapheme clusters), so that no emoji is cut in two.</summary>
    private static string Truncate(string text, int lengthMax, string ending)
    {
        var (at, kept) = (0, 0);
        for (var length = 0; at < text.Length; length++)
        {
            if (length == lengthMax)
                return text[..kept].TrimEnd() + (lengthMax == 0 ? "" : ending);
            at += StringInfo.GetNextTextElementLength(text, at);
            // The ending takes a character's room.
            kept = length < lengthMax - 1 ? at : kept;
        }
        return text;
    }

    /// <summary>Characters that mean something in HTML are written as escapes, so that <c>{{{json data}}}</c> is safe in a script element.</summary>
    private static string ToJson(object? value)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.Default }))
            Write(json, value);
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static void Write(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case TemplateObject fields:
                json.WriteStartObject();
                foreach (var (name, field) in fields.Fields)
                {
                    json.WritePropertyName(name);
                    Write(json, field);
                }
                json.WriteEndObject();
                break;
            case TemplateList items:
                json.WriteStartArray();
                foreach (var item in items)
                    Write(json, item);
                json.WriteEndArray();
                break;
            case bool truth:
                json.WriteBooleanValue(truth);
                break;
            case not null when AsNumber(value) is { } number:
                json.WriteNumberValue(number);
                break;
            case not null:
                json.WriteStringValue(Text(value));
                break;
            default:
                json.WriteNullValue();
                break;
        }
    }

    private static string Text(object? value) => value switch
    {
        string text => text,
        bool truth => truth ? "true" : "false",
        TemplateList items => Join(items, ",", null),
        _ => AsNumber(value)?.ToString(CultureInfo.InvariantCulture) ?? "",
    };

    private static decimal Number(string helper, object? value) => AsNumber(value) ?? Parse(value) ?? throw new TemplateException($"{helper}: the value is no number.");

    private static decimal? Parse(object? value) =>
        decimal.TryParse(value as string, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static int Count(string helper, object? value, int max) =>
        Number(helper, value) is var number && decimal.IsInteger(number) && number >= 0 && number <= max
            ? (int)number
            : throw new TemplateException($"{helper}: the count must be a whole number from 0 to {max}.");

    private static decimal? AsNumber(object? value) => value switch
    {
        decimal number => number,
        int number => number,
        long number => number,
        double number when Math.Abs(number) < 1e28 => (decimal)number,
        _ => null,
    };

    private static bool IsThere(object? value) => value is not (null or UndefinedBindingResult or "");

    private static bool IsTrue(object? value) => HandlebarsUtils.IsTruthyOrNonEmpty(value);

    /// <summary>As in triggers: a value equals only one of its own kind.</summary>
    private static bool AreEqual(object? left, object? right) => (left, right) switch
    {
        (null or UndefinedBindingResult, null or UndefinedBindingResult) => true,
        (bool one, bool other) => one == other,
        _ => Compare(left, right) == 0,
    };

    /// <summary>Of numbers by value, of texts by code unit; null where they are of two kinds.</summary>
    private static int? Compare(object? left, object? right) => (left, right) switch
    {
        (string one, string other) => string.CompareOrdinal(one, other),
        _ when AsNumber(left) is { } one && AsNumber(right) is { } other => one.CompareTo(other),
        _ => null,
    };
}

using System.Globalization;
using System.Text.Json;

namespace Orleans.Personalize.Sending;

/// <summary>
/// What a template sees: objects, lists, strings, decimals and booleans, built from a job once a rendering. Nothing else of .NET is
/// reachable from a template (see <see cref="TemplateAccess"/>).
/// </summary>
internal sealed class TemplateModel(TemplateBudget budget)
{
    public static TemplateObject Of(SendJob job, CustomerKey customer, MailLinks? links, DateTimeOffset now, TemplateBudget budget) =>
        new TemplateModel(budget).Root(job, customer, links, now);

    private TemplateObject Root(SendJob job, CustomerKey customer, MailLinks? links, DateTimeOffset now) => new("", budget)
    {
        ["customer"] = customer.CustomerId,
        ["traits"] = Fields("traits", job.Profile.Traits),
        ["consent"] = Fields("consent", job.Profile.Consent),
        ["cart"] = Cart(job.Profile.Cart),
        ["orders"] = List("orders", job.Profile.Orders, Order),
        ["event"] = new TemplateObject("event", budget) { ["name"] = job.EventName, ["properties"] = Value("event.properties", job.EventProperties) },
        ["data"] = Value("data", job.Data),
        ["trigger"] = job.Trigger,
        ["key"] = job.Key,
        ["links"] = new TemplateObject("links", budget) { ["unsubscribe"] = links?.Unsubscribe, ["preferences"] = links?.Preferences },
        ["now"] = Instant(now),
    };

    private TemplateObject Fields(string path, TraitView[] fields)
    {
        var result = new TemplateObject(path, budget);
        foreach (var field in fields)
            result[field.Name] = Value($"{path}.{field.Name}", field.Value);
        return result;
    }

    private TemplateObject Cart(CartView cart) => new("cart", budget)
    {
        ["id"] = cart.CartId,
        ["total"] = cart.Total,
        ["items"] = List("cart.items", cart.Lines, Line),
    };

    private TemplateObject Line(CartLineView line) => new("cart.items[]", budget)
    {
        ["productId"] = line.ProductId,
        ["name"] = line.Name,
        ["quantity"] = line.Quantity,
        ["price"] = line.Price,
        ["url"] = line.Url,
        ["imageUrl"] = line.ImageUrl,
    };

    private TemplateObject Order(OrderView order) => new("orders[]", budget)
    {
        ["id"] = order.OrderId,
        ["status"] = order.Status,
        ["total"] = order.Total,
        ["currency"] = order.Currency,
        ["at"] = Instant(order.At),
    };

    private TemplateList List<T>(string path, T[] items, Func<T, object?> convert)
    {
        var result = new TemplateList(path, budget);
        result.AddRange(items.Select(convert));
        return result;
    }

    private object? Value(string path, JsonText json)
    {
        if (json.IsAbsent)
            return null;
        using var document = JsonDocument.Parse(json.Utf8);
        return Value(path, document.RootElement);
    }

    /// <summary>Recursion ends at the reader's own depth limit of 64.</summary>
    private object? Value(string path, JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var fields = new TemplateObject(path, budget);
                foreach (var field in json.EnumerateObject())
                {
                    var name = Text(field, static field => field.Name);
                    fields[name] = Value($"{path}.{name}", field.Value);
                }
                return fields;
            case JsonValueKind.Array:
                var items = new TemplateList(path, budget);
                foreach (var item in json.EnumerateArray())
                    items.Add(Value($"{path}[]", item));
                return items;
            case JsonValueKind.Number:
                // A decimal keeps 19.90 as it was written; what exceeds it is shown as its own digits.
                return json.TryGetDecimal(out var number) ? number : json.GetRawText();
            case JsonValueKind.String:
                return Text(json, static json => json.GetString()!);
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            default:
                return null;
        }
    }

    private static string Instant(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ");

    /// <summary>Half a surrogate pair is legal JSON and no text (RFC 8259, section 8.2). It must not stop every message to a customer.</summary>
    private static string Text<T>(T json, Func<T, string> read)
    {
        try
        {
            return read(json);
        }
        catch (InvalidOperationException)
        {
            return "\uFFFD";
        }
    }
}

/// <summary>Not itself enumerable: Handlebars would take a section over it (<c>{{#cart}}</c>) for a loop over its values.</summary>
/// <param name="path">Where in the model it is.</param>
internal sealed class TemplateObject(string path, TemplateBudget budget) : ILoopable
{
    public Dictionary<string, object?> Fields { get; } = new(StringComparer.Ordinal);

    public object? this[string name]
    {
        set => Fields[name] = value;
    }

    /// <summary>A field; one that is missing or null knows its path.</summary>
    public object Find(string name)
    {
        budget.CheckTime();
        return Fields.GetValueOrDefault(name) ?? TemplateUndefined.At(path.Length == 0 ? name : $"{path}.{name}");
    }

    public object EnterLoop(out TemplateBudget spent)
    {
        (spent = budget).Spend(Fields.Count);
        return Fields;
    }
}

/// <param name="path">Where in the model it is.</param>
internal sealed class TemplateList(string path, TemplateBudget budget) : List<object?>, ILoopable
{
    /// <summary>An element by its index, or the <c>length</c>; null for what is not there.</summary>
    public object? Find(string name) => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
        ? index < Count ? this[index] : null
        : name == "length" ? (decimal)Count : null;

    /// <summary>As <see cref="Find"/>; what is missing knows its path.</summary>
    public object FindOrUndefined(string name) => Find(name) ?? TemplateUndefined.At(char.IsAsciiDigit(name.FirstOrDefault()) ? $"{path}[]" : $"{path}.{name}");

    /// <summary>The first elements.</summary>
    public TemplateList First(int count)
    {
        var first = new TemplateList(path, budget);
        first.AddRange(this.Take(count));
        return first;
    }

    public object EnterLoop(out TemplateBudget spent)
    {
        (spent = budget).Spend(Count);
        return this;
    }
}

/// <summary>What <c>#each</c> can go through.</summary>
internal interface ILoopable
{
    /// <param name="spent">To be asked for the time at each turn.</param>
    /// <returns>The dictionary or list to go through.</returns>
    /// <exception cref="TemplateException">The rendering has looped too often.</exception>
    object EnterLoop(out TemplateBudget spent);
}

/// <summary>
/// Bounds the work of one rendering: nested loops over one long list could run for hours without writing a character.
/// </summary>
internal sealed class TemplateBudget(TimeProvider clock)
{
    /// <summary>Far more rows than a message has; a tenth of a second of work.</summary>
    public const int TurnsMax = 100_000;

    /// <summary>For all contents together. A mail takes less than a millisecond; the rest is for a machine that is short of processors.</summary>
    public static readonly TimeSpan TimeMax = TimeSpan.FromSeconds(1);

    private readonly long start = clock.GetTimestamp();
    private int left = TurnsMax;

    /// <summary>The next content has as many turns.</summary>
    public void Refill() => left = TurnsMax;

    /// <exception cref="TemplateException">It is too much.</exception>
    public void Spend(int turns)
    {
        left -= turns;
        if (left < 0)
            throw new TemplateException($"The template's loops take more than {TurnsMax:N0} turns.");
        CheckTime();
    }

    /// <exception cref="TemplateException">It is over.</exception>
    public void CheckTime()
    {
        if (clock.GetElapsedTime(start) > TimeMax)
            throw new TemplateException($"The template took longer than {TimeMax.TotalSeconds:0} s to render.") { MayPass = true };
    }
}

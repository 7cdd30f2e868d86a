using System.Text.Json;

namespace Orleans.Personalize.Sending;

/// <summary>
/// What a template sees: objects, lists, strings, decimals and booleans, built from a job once a rendering. Nothing else of .NET is
/// reachable from a template (see <see cref="TemplateAccess"/>).
/// </summary>
internal static class TemplateModel
{
    public static TemplateObject Of(SendJob job, CustomerKey customer)
    {
        var loops = new LoopBudget();
        var profile = job.Profile;
        return new TemplateObject(loops)
        {
            ["customer"] = customer.CustomerId,
            ["traits"] = Fields(profile.Traits, loops),
            ["consent"] = Fields(profile.Consent, loops),
            ["cart"] = Cart(profile.Cart, loops),
            ["orders"] = List(profile.Orders, order => Order(order, loops), loops),
            ["event"] = new TemplateObject(loops) { ["name"] = job.EventName, ["properties"] = Value(job.EventProperties, loops) },
            ["data"] = Value(job.Data, loops),
            ["trigger"] = job.Trigger,
            ["key"] = job.Key,
        };
    }

    private static TemplateObject Fields(TraitView[] fields, LoopBudget loops)
    {
        var result = new TemplateObject(loops);
        foreach (var field in fields)
            result[field.Name] = Value(field.Value, loops);
        return result;
    }

    private static TemplateObject Cart(CartView cart, LoopBudget loops) => new(loops)
    {
        ["id"] = cart.CartId,
        ["total"] = cart.Total,
        ["items"] = List(cart.Lines, line => new TemplateObject(loops)
        {
            ["productId"] = line.ProductId,
            ["name"] = line.Name,
            ["quantity"] = line.Quantity,
            ["price"] = line.Price,
            ["url"] = line.Url,
            ["imageUrl"] = line.ImageUrl,
        }, loops),
    };

    private static TemplateObject Order(OrderView order, LoopBudget loops) => new(loops)
    {
        ["id"] = order.OrderId,
        ["status"] = order.Status,
        ["total"] = order.Total,
        ["currency"] = order.Currency,
        ["at"] = order.At.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ"),
    };

    private static TemplateList List<T>(T[] items, Func<T, object?> convert, LoopBudget loops)
    {
        var result = new TemplateList(loops);
        result.AddRange(items.Select(convert));
        return result;
    }

    private static object? Value(JsonText json, LoopBudget loops)
    {
        if (json.IsAbsent)
            return null;
        using var document = JsonDocument.Parse(json.Utf8);
        return Value(document.RootElement, loops);
    }

    /// <summary>Recursion ends at the reader's own depth limit of 64.</summary>
    private static object? Value(JsonElement json, LoopBudget loops)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var fields = new TemplateObject(loops);
                foreach (var field in json.EnumerateObject())
                    fields[Text(field, static field => field.Name)] = Value(field.Value, loops);
                return fields;
            case JsonValueKind.Array:
                var items = new TemplateList(loops);
                foreach (var item in json.EnumerateArray())
                    items.Add(Value(item, loops));
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
internal sealed class TemplateObject(LoopBudget loops) : ILoopable
{
    public Dictionary<string, object?> Fields { get; } = new(StringComparer.Ordinal);

    public object? this[string name]
    {
        set => Fields[name] = value;
    }

    public object EnterLoop()
    {
        loops.Spend(Fields.Count);
        return Fields;
    }
}

internal sealed class TemplateList(LoopBudget loops) : List<object?>, ILoopable
{
    public object EnterLoop()
    {
        loops.Spend(Count);
        return this;
    }
}

/// <summary>What <c>#each</c> can go through.</summary>
internal interface ILoopable
{
    /// <returns>The dictionary or list to go through.</returns>
    /// <exception cref="TemplateException">The rendering has looped too often.</exception>
    object EnterLoop();
}

/// <summary>
/// Bounds the turns of all loops of one rendering: nested loops over one long list could run for hours without writing a character.
/// </summary>
internal sealed class LoopBudget
{
    /// <summary>Far more rows than a message has; a tenth of a second of work.</summary>
    public const int TurnsMax = 100_000;

    private int left = TurnsMax;

    public void Spend(int turns)
    {
        left -= turns;
        if (left < 0)
            throw new TemplateException($"The template's loops take more than {TurnsMax:N0} turns.");
    }
}

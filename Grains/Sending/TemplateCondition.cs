using System.Text.Json;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Sending;

/// <summary>
/// A condition of the trigger language on what a template sees. It is asked at rendering, when a profile is a view of itself: of an event only name
/// and properties are known, and of counters only the whole count.
/// </summary>
internal sealed class TemplateCondition
{
    private readonly Condition condition;

    private TemplateCondition(Condition condition) => this.condition = condition;

    /// <returns>Null where it is wrong, which is noted.</returns>
    public static TemplateCondition? Parse(DocumentReader document)
    {
        if (ConditionParser.Parse(document) is not { } condition)
            return null;
        if (Unknown(condition) is not { } unknown)
            return new(condition);
        document.Fail(unknown.Pointer[document.Pointer.Length..], unknown.Detail);
        return null;
    }

    public bool Holds(SendJob job)
    {
        try
        {
            return Holds(condition, job);
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair is legal JSON and no text; it equals nothing.
            return false;
        }
    }

    private static (string Pointer, string Detail)? Unknown(Condition condition) => condition switch
    {
        Condition.All all => all.Parts.Select(Unknown).FirstOrDefault(static unknown => unknown is not null),
        Condition.Any any => any.Parts.Select(Unknown).FirstOrDefault(static unknown => unknown is not null),
        Condition.Not not => Unknown(not.Part),
        Condition.Count { Within: not null } => ($"{condition.Pointer}/count/within", "is not known to templates, only how often in all"),
        Condition.Field { Path: var path } when $"{path}" is "event.type" or "event.source" or "event.messageId" or "event.occurredAt" =>
            ($"{condition.Pointer}/field", "is not known to templates; of an event they see event.name and event.properties.*"),
        _ => null,
    };

    private static bool Holds(Condition condition, SendJob job) => condition switch
    {
        Condition.All all => all.Parts.All(part => Holds(part, job)),
        Condition.Any any => any.Parts.Any(part => Holds(part, job)),
        Condition.Not not => !Holds(not.Part, job),
        Condition.Field field => Comparisons.Holds(field.Comparison, Read($"{field.Path}", job), field.Values),
        Condition.Count count => Comparisons.Holds(count.Comparison, Scalar.Of(Count(job.Profile, count.Event)), count.Values),
        _ => throw new ArgumentException($"There is no condition {condition}.", nameof(condition)),
    };

    private static Scalar Read(string path, SendJob job)
    {
        var profile = job.Profile;
        var (member, rest) = path.Split('.', 3) is [_, var second, var third] && second is not ("cart" or "orders") ? (second, third) : (path, "");
        var names = rest.Split('.');
        return member switch
        {
            "properties" => Json.Find(job.EventProperties, Segments(names)),
            "traits" => Array.Find(profile.Traits, trait => trait.Name == names[0]) is { } trait ? Json.Find(trait.Value, Segments(names[1..])) : Scalar.Missing,
            "consent" => Array.Find(profile.Consent, consent => consent.Name == rest) is { } consent ? Json.Find(consent.Value, []) : Scalar.Missing,
            "counters" => Scalar.Of(Count(profile, rest)),
            "event.name" => Scalar.Of(job.EventName),
            "profile.customerId" => Scalar.Of(profile.Customer),
            "profile.firstSeenAt" => Scalar.Of(profile.FirstSeenAt),
            "profile.lastSeenAt" => Scalar.Of(profile.LastSeenAt),
            "profile.cart.id" => Scalar.Of(profile.Cart.CartId),
            "profile.cart.total" => Scalar.Of(profile.Cart.Total),
            "profile.cart.items" => Scalar.Of(profile.Cart.Lines.Sum(static line => line.Quantity)),
            "profile.cart.updatedAt" => Scalar.Of(profile.Cart.UpdatedAt),
            "profile.orders.count" => Scalar.Of(Counted(profile).Count()),
            "profile.orders.revenue" => Scalar.Of(Counted(profile).Sum(static order => order.Total ?? 0)),
            "profile.orders.lastAt" => Scalar.Of(Counted(profile).Max(static order => (DateTimeOffset?)order.At)),
            _ => Scalar.Missing,
        };
    }

    /// <summary>As <see cref="Order.Counts"/>.</summary>
    private static IEnumerable<OrderView> Counted(CustomerView profile) =>
        profile.Orders.Where(static order => order.Status is "completed" or "updated");

    private static decimal Count(CustomerView profile, string name) => Array.Find(profile.Counters, counter => counter.Name == name)?.Count ?? 0;

    private static PathSegment[] Segments(string[] names) => Array.ConvertAll(names, static name => new PathSegment(name));
}

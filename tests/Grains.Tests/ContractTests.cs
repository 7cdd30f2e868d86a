using System.Reflection;
using System.Runtime.CompilerServices;

namespace Orleans.Personalize.Grains.Tests;

/// <summary>
/// What silos of different versions say to each other, and what storages hold: every type that travels, its alias and the numbers of its members,
/// as recorded in <c>contracts.txt</c>. Members may be added; none may be removed, renumbered, or change its type.
/// </summary>
public sealed class ContractTests
{
    private const string UpdateVariable = "PERSONALIZE_UPDATE_CONTRACTS";

    private static readonly Type[] Types = [.. new[] { typeof(ICustomerGrain).Assembly, typeof(Personalize.Registry.RegistryGrain).Assembly }
        .SelectMany(static assembly => assembly.GetTypes())
        .Where(static type => type.IsDefined(typeof(GenerateSerializerAttribute), inherit: false))
        .OrderBy(static type => type.FullName, StringComparer.Ordinal)];

    [Fact]
    public void What_travels_is_as_recorded()
    {
        var current = Types.SelectMany(Describe).Concat(Enums().SelectMany(DescribeValues)).Concat(Interfaces().SelectMany(DescribeMethods)).ToArray();
        var path = PathOfRecord();
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
            File.WriteAllLines(path, current);
        var recorded = File.ReadAllLines(path);
        var broken = recorded.Except(current).ToArray();
        Assert.True(broken.Length == 0, $"Older silos and stored state rely on these; keep them as they were:\n{string.Join('\n', broken)}");
        var added = current.Except(recorded).ToArray();
        Assert.True(added.Length == 0, $"New on the wire; record it by running this test once with {UpdateVariable}=1:\n{string.Join('\n', added)}");
    }

    [Fact]
    public void Every_type_that_travels_has_an_alias_and_a_number_for_each_member()
    {
        var reachable = Interfaces().SelectMany(static type => type.GetMethods())
            .SelectMany(static method => method.GetParameters().Select(static parameter => parameter.ParameterType).Append(method.ReturnType))
            .SelectMany(Parts).ToHashSet();
        for (var known = 0; known != reachable.Count;)
        {
            known = reachable.Count;
            reachable.UnionWith(reachable.Where(static type => type.IsClass || type.IsValueType).SelectMany(StoredMembers).Select(TypeOf).SelectMany(Parts).ToArray());
        }
        foreach (var type in reachable.Union(Types).Where(static type => !type.IsEnum))
        {
            Assert.True(type.IsDefined(typeof(GenerateSerializerAttribute), inherit: false), $"{type} lacks [GenerateSerializer].");
            Assert.True(type.IsDefined(typeof(AliasAttribute), inherit: false), $"{type} lacks an [Alias].");
            Assert.All(StoredMembers(type), member => Assert.True(IdOf(member) is not null, $"{type}.{member.Name} lacks an [Id]."));
            Assert.True(StoredMembers(type).Select(IdOf).Distinct().Count() == StoredMembers(type).Count(), $"Two members of {type} have the same [Id].");
        }
        Assert.True(Types.Select(AliasOf).Distinct().Count() == Types.Length, "Two types have the same alias.");
    }

    [Fact]
    public void Grain_interfaces_have_an_alias() => Assert.All(Interfaces(), type => Assert.NotNull(AliasOf(type)));

    private static Type[] Interfaces() => [.. typeof(ICustomerGrain).Assembly.GetTypes()
        .Where(static type => type.IsInterface && typeof(IGrain).IsAssignableFrom(type)).OrderBy(static type => type.FullName, StringComparer.Ordinal)];

    private static Type[] Enums() => [.. typeof(ICustomerGrain).Assembly.GetTypes().Where(static type => type is { IsEnum: true, IsPublic: true }).OrderBy(static type => type.FullName, StringComparer.Ordinal)];

    private static IEnumerable<string> Describe(Type type) => StoredMembers(type)
        .OrderBy(IdOf)
        .Select(member => $"{AliasOf(type)} {IdOf(member)} {member.Name} {NameOf(TypeOf(member))}")
        .Prepend($"{AliasOf(type)}");

    private static IEnumerable<string> DescribeValues(Type type) => Enum.GetNames(type).Select(name => $"{type.Name} {(int)Enum.Parse(type, name)} {name}");

    private static IEnumerable<string> DescribeMethods(Type type) => type.GetMethods().OrderBy(static method => method.Name, StringComparer.Ordinal)
        .Select(method => $"{AliasOf(type)}.{method.Name}({string.Join(", ", method.GetParameters().Select(static parameter => NameOf(parameter.ParameterType)))}) {NameOf(method.ReturnType)}");

    /// <summary>Properties that a compiler backs with a field, and fields with an id of their own.</summary>
    private static IEnumerable<MemberInfo> StoredMembers(Type type) => type.IsEnum
        ? []
        : type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
            .Where(static field => !field.IsDefined(typeof(NonSerializedAttribute)))
            .Select(field => field.Name.StartsWith('<') && field.IsDefined(typeof(CompilerGeneratedAttribute))
                ? type.GetProperty(field.Name[1..field.Name.IndexOf('>', StringComparison.Ordinal)], BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
                : (MemberInfo)field)
            .OfType<MemberInfo>();

    private static Type TypeOf(MemberInfo member) => member is PropertyInfo property ? property.PropertyType : ((FieldInfo)member).FieldType;

    private static uint? IdOf(MemberInfo member) => member.GetCustomAttribute<IdAttribute>()?.Id;

    private static string? AliasOf(Type type) => type.GetCustomAttribute<AliasAttribute>(inherit: false)?.Alias;

    /// <summary>The types of ours that a type is made of.</summary>
    private static IEnumerable<Type> Parts(Type type) => type switch
    {
        { IsArray: true } => Parts(type.GetElementType()!),
        { IsGenericType: true } => type.GetGenericArguments().SelectMany(Parts),
        _ when type.Assembly == typeof(ICustomerGrain).Assembly && !type.IsInterface => [type],
        _ => [],
    };

    private static string NameOf(Type type) => type switch
    {
        { IsArray: true } => $"{NameOf(type.GetElementType()!)}[]",
        { IsGenericType: true } => $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>",
        _ => type.Name,
    };

    private static string PathOfRecord([CallerFilePath] string thisFile = "") => Path.Combine(Path.GetDirectoryName(thisFile)!, "contracts.txt");
}
